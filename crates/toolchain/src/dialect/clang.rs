//! The flags of clang, versions 7 to 19 (<https://clang.llvm.org/docs/ClangCommandLineReference.html>).

use super::Effect::{
    Chance, CompilerWord, Include, Local, Owned, Path, Plain, Profile, Reads, Selects, SelectsPath, Sides,
    Writes,
};
use super::IncludeKind::{After, Anywhere, System};
use super::Profile::Merged;
use super::Shape::{Alone, Either, Joined, Optional, Separate};
use super::{Dialect, In, Row, Side, common, row};

const SAVED: &[Side] = &[Side::Saved];
const MODULES: &str = "it reads and writes module files";

/// The table of clang.
pub(crate) const CLANG: Dialect =
    Dialect { name: "clang", tables: &[ROWS, common::COMMON], toggles: TOGGLES, values: VALUES };

/// Flags of the compiler proper (`-cc1`) that name directories or files, and that the driver does not have or has
/// with another meaning. What else there is only has to be known by its text.
pub(crate) const PROPER: &[Row] = &[
    row("-internal-isystem", Separate, Include(Anywhere)),
    row("-internal-externc-isystem", Separate, Include(Anywhere)),
    row("-c-isystem", Separate, Include(Anywhere)),
    row("-objc-isystem", Separate, Include(Anywhere)),
    row("-objcxx-isystem", Separate, Include(Anywhere)),
    row("-load", Separate, Reads),
    row("-o", Separate, Owned("rekindle names the product")),
    row("-add-plugin", Separate, Plain),
    row("-plugin", Separate, Plain),
    row("-mllvm", Separate, Plain),
];

// tidy: table
const ROWS: &[Row] = &[
    row("-target", Separate, Selects(In::Both)),
    row("--target=", Joined, Selects(In::Both)),
    row("--gcc-toolchain=", Joined, SelectsPath(In::Both)),
    row("--gcc-install-dir=", Joined, SelectsPath(In::Both)),
    row("--gcc-triple=", Joined, Selects(In::Both)),
    row("-stdlib=", Joined, Selects(In::Both)),
    row("-stdlib++-isystem", Separate, Include(System)),
    row("-cxx-isystem", Separate, Include(System)),
    row("-isystem-after", Separate, Include(After)),
    row("-rtlib=", Joined, Plain),
    row("--rtlib=", Joined, Plain),
    row("-unwindlib=", Joined, Plain),
    row("--unwindlib=", Joined, Plain),
    row("-resource-dir", Separate, SelectsPath(In::Both)),
    row("-resource-dir=", Joined, SelectsPath(In::Both)),
    row("--driver-mode=", Joined, Selects(In::Both)),
    row("--config", Separate, SelectsPath(In::Both)),
    row("--config=", Joined, SelectsPath(In::Both)),
    row("--no-default-config", Alone, Selects(In::Both)),
    row("--ld-path=", Joined, SelectsPath(In::Link)),
    row("-canonical-prefixes", Alone, Selects(In::Both)),
    row("-nobuiltininc", Alone, Selects(In::Compile)),
    row("-ibuiltininc", Alone, Selects(In::Compile)),
    row("-nostdlibinc", Alone, Selects(In::Compile)),
    row("-integrated-as", Alone, Selects(In::Compile)),
    row("-fintegrated-as", Alone, Selects(In::Compile)),
    row("-no-integrated-as", Alone, Selects(In::Compile)),
    row("-fno-integrated-as", Alone, Selects(In::Compile)),
    row("-include-pch", Separate, Reads),
    row("-save-temps", Alone, Sides(SAVED)),
    row("-save-temps=cwd", Alone, Sides(SAVED)),
    row("-save-temps=obj", Alone, Sides(SAVED)),
    row("--save-temps", Alone, Sides(SAVED)),
    row("-save-stats", Optional, Local("it writes how often things were done")),
    row("-MJ", Either, Owned("rekindle writes the compilation database")),
    row("-MV", Alone, Owned("rekindle asks for the depfile itself")),
    row("-emit-llvm", Alone, Plain),
    row("-emit-ast", Alone, Owned("rekindle picks what the compiler does")),
    row("--analyze", Alone, Owned("rekindle picks what the compiler does")),
    row("--precompile", Alone, Owned("rekindle picks what the compiler does")),
    row("-Xclang", Separate, CompilerWord),
    row("-Xanalyzer", Separate, Plain),
    row("-mllvm", Separate, Local("what it hands to LLVM is not followed")),
    row("-mllvm=", Joined, Local("what it hands to LLVM is not followed")),
    row("-mthread-model", Separate, Plain),
    row("-mrelax-all", Alone, Plain),
    row("-Qunused-arguments", Alone, Plain),
    row("-Qn", Alone, Plain),
    row("-Qy", Alone, Plain),
    row("--start-no-unused-arguments", Alone, Plain),
    row("--end-no-unused-arguments", Alone, Plain),
    row("--system-header-prefix=", Joined, Plain),
    row("--no-system-header-prefix=", Joined, Plain),
    row("-serialize-diagnostics", Separate, Writes),
    row("--serialize-diagnostics", Separate, Writes),
    row("-ftime-trace", Alone, Sides(&[Side::Times])),
    row("-ftime-trace=", Joined, Writes),
    row("-fsave-optimization-record", Alone, Sides(&[Side::Record])),
    row("-fsave-optimization-record=", Joined, Local("it writes a file beside the object")),
    row("-foptimization-record-file=", Joined, Writes),
    row("-fproc-stat-report", Alone, Local("it writes how long things took")),
    row("-fproc-stat-report=", Joined, Local("it writes how long things took")),
    row("-fcrash-diagnostics-dir=", Joined, Path),
    row("-fmodules", Alone, Local(MODULES)),
    row("-fcxx-modules", Alone, Local(MODULES)),
    row("-fimplicit-modules", Alone, Local(MODULES)),
    row("-fimplicit-module-maps", Alone, Local(MODULES)),
    row("-fmodules-cache-path=", Joined, Local(MODULES)),
    row("-fmodule-map-file=", Joined, Reads),
    row("-fmodule-file=", Joined, Reads),
    row("-fmodule-name=", Joined, Plain),
    row("-fprebuilt-module-path=", Joined, Local(MODULES)),
    row("-fmodule-output", Optional, Local(MODULES)),
    row("-ivfsoverlay", Separate, Local("it puts other files in the place of files")),
    row("-fpass-plugin=", Joined, Reads),
    row("-fprofile-instr-generate", Optional, Plain),
    row("-fprofile-use", Optional, Profile(Merged)),
    row("-fprofile-instr-use", Optional, Profile(Merged)),
    row("-fprofile-sample-use=", Joined, Reads),
    row("-fauto-profile=", Joined, Reads),
    row("-fprofile-list=", Joined, Reads),
    row("-fprofile-remapping-file=", Joined, Reads),
    row("-fcs-profile-generate", Optional, Plain),
    row("-fsanitize=", Joined, Plain),
    row("-fsanitize-ignorelist=", Joined, Reads),
    row("-fsanitize-blacklist=", Joined, Reads),
    row("-fsanitize-system-ignorelist=", Joined, Reads),
    row("-fsanitize-coverage-allowlist=", Joined, Reads),
    row("-fsanitize-coverage-ignorelist=", Joined, Reads),
    row("-fthinlto-index=", Joined, Reads),
    row("-fthin-link-bitcode=", Joined, Writes),
    row("-fxray-attr-list=", Joined, Reads),
    row("-fxray-always-instrument=", Joined, Reads),
    row("-fxray-never-instrument=", Joined, Reads),
    row("-fprofile-arcs", Alone, Chance(&[])),
    row("-fdebug-compilation-dir=", Joined, Path),
    row("-ffile-compilation-dir=", Joined, Path),
    row("-fcoverage-compilation-dir=", Joined, Path),
    row("-fopenmp", Optional, Plain),
    row("-fopenmp-targets=", Joined, Local("it runs compilers for other processors")),
    row("-fembed-offload-object=", Joined, Reads),
    row("-fplugin-arg-", Joined, Plain),
    row("-fno-builtin-", Joined, Plain),
    row("-ftemplate-depth-", Joined, Plain),
    row("-gcodeview", Alone, Plain),
    row("-gembed-source", Alone, Plain),
    row("-gno-embed-source", Alone, Plain),
    row("-gline-directives-only", Alone, Plain),
    row("-gline-tables-only", Alone, Plain),
    row("-gmlt", Alone, Plain),
    row("-gmodules", Alone, Local(MODULES)),
    row("-gno-inline-line-tables", Alone, Plain),
    row("-ginline-line-tables", Alone, Plain),
    row("-gsimple-template-names", Optional, Plain),
    row("-glldb", Alone, Plain),
    row("-gsce", Alone, Plain),
    row("-gdbx", Alone, Plain),
    row("-gkey-instructions", Alone, Plain),
    row("-shared-libsan", Alone, Plain),
    row("-static-libsan", Alone, Plain),
    row("-static-openmp", Alone, Plain),
    row("-relocatable-pch", Alone, Plain),
    row("-arch", Separate, Selects(In::Both)),
];

/// What `-fNAME` and `-fno-NAME` may be.
const TOGGLES: &str = "
aapcs-bitfield-load aapcs-bitfield-width access-control addrsig aligned-allocation aligned-new
allow-editor-placeholders ansi-escape-codes apple-pragma-pack approx-func asm asm-blocks assume-nothrow-exception-dtor
assume-sane-operator-new associative-math asynchronous-unwind-tables autolink blocks borland-extensions builtin
c++-static-destructors caret-diagnostics cf-protection char8_t check-new color-diagnostics common
complete-member-pointers concepts-ts constant-cfstrings convergent-functions coroutines coroutines-ts
coverage-mapping coverage-mcdc crash-diagnostics cx-fortran-rules cx-limited-range cxx-exceptions data-sections
debug-info-for-profiling debug-macro debug-pass-structure debug-ranges-base-address debug-types-section declspec
define-target-os-macros delayed-template-parsing delete-null-pointer-checks diagnostics-absolute-paths
diagnostics-color diagnostics-fixit-info diagnostics-parseable-fixits diagnostics-print-source-range-info
diagnostics-show-hotness diagnostics-show-line-numbers diagnostics-show-note-include-stack diagnostics-show-option
diagnostics-show-template-tree digraphs direct-access-external-data directives-only discard-value-names
dollars-in-identifiers double-square-bracket-attributes dwarf-directory-asm dwarf-exceptions elide-constructors
elide-type eliminate-unused-debug-symbols eliminate-unused-debug-types emit-all-decls
emit-compact-unwind-non-canonical emulated-tls enable-matrix exceptions
experimental-library experimental-new-constant-interpreter experimental-relative-c++-abi-vtables
experimental-strict-floating-point fast-math fat-lto-objects fine-grained-bitfield-accesses finite-loops
finite-math-only fixed-point for-scope force-dwarf-frame force-emit-vtables force-enable-int128 freestanding
function-sections gnu-inline-asm gnu-keywords gnu-runtime gnu89-inline hip-fp32-correctly-rounded-divide-sqrt
honor-infinities honor-nans hosted ident ignore-exceptions implicit-constexpr-instantiation inline inline-functions
inline-hint-functions instrument-function-entry-bare instrument-functions instrument-functions-after-inlining
jump-tables keep-persistent-storage-variables keep-static-consts keep-system-includes lax-vector-conversions
legacy-pass-manager math-errno merge-all-constants merge-constants minimize-whitespace ms-compatibility ms-extensions
ms-hotpatch new-infallible nocall-exceptions non-call-exceptions objc-arc objc-exceptions objc-weak
omit-frame-pointer openmp-extensions openmp-simd operator-names optimize-sibling-calls pack-struct pascal-strings
pcc-struct-return pch-codegen pch-debuginfo pch-instantiate-templates pch-validate-input-files-content permissive
PIC pic PIE pie plt pointer-tbaa preserve-as-comments profile-sample-accurate protect-parens
pseudo-probe-for-profiling raw-string-literals reciprocal-math record-command-line record-gcc-switches
reg-struct-return register-global-dtors-with-atexit relaxed-template-template-args rewrite-imports ropi rounding-math
rtlib-add-rpath rtti rtti-data rwpi sanitize-address-globals-dead-stripping sanitize-address-outline-instrumentation
sanitize-address-poison-custom-array-cookie sanitize-address-use-after-scope sanitize-address-use-odr-indicator
sanitize-cfi-canonical-jump-tables sanitize-cfi-cross-dso sanitize-cfi-icall-generalize-pointers
sanitize-cfi-icall-experimental-normalize-integers sanitize-hwaddress-experimental-aliasing
sanitize-memory-param-retval sanitize-memory-track-origins sanitize-memory-use-after-dtor sanitize-minimal-runtime
sanitize-recover sanitize-stable-abi sanitize-stats sanitize-thread-atomics sanitize-thread-func-entry-exit
sanitize-thread-memory-access sanitize-trap sanitize-undefined-trap-on-error semantic-interposition
separate-named-sections seh-exceptions short-enums short-wchar show-column show-skipped-includes
show-source-location signaling-math signed-bitfields signed-char signed-wchar signed-zeros sized-deallocation
sjlj-exceptions skip-odr-check-in-gmf slp-vectorize spell-checking split-dwarf-inlining split-lto-unit
split-machine-functions split-stack square-bracket-attributes stack-arrays stack-check stack-clash-protection
stack-protector stack-protector-all stack-protector-strong stack-size-section standalone-debug strict-aliasing
strict-enums strict-float-cast-overflow strict-overflow strict-return strict-vtable-pointers
struct-path-tbaa temp-file threadsafe-statics toplevel-reorder trapping-math trapv tree-slp-vectorize
tree-vectorize trigraphs unique-basic-block-section-names unique-internal-linkage-names unique-section-names
unified-lto unroll-loops unsafe-math-optimizations unsigned-char unwind-tables use-cxa-atexit use-init-array
use-line-directives vectorize verbose-asm virtual-function-elimination visibility-from-dllstorageclass
visibility-global-new-delete-hidden visibility-inlines-hidden visibility-inlines-hidden-static-local-var
visibility-ms-compat wasm-exceptions whole-program-vtables working-directory wrapv wrapv-pointer writable-strings
xray-always-emit-customevents xray-always-emit-typedevents xray-function-index xray-ignore-loops xray-instrument
xray-link-deps zero-initialized-in-bss zvector
";

/// What `-fNAME=VALUE` may be.
const VALUES: &str = "
align-functions align-jumps align-labels align-loops aligned-new basic-block-sections binutils-version
bfloat16-excess-precision bracket-depth c++-abi cf-protection cf-protection-return clang-abi-compat
comment-block-commands complex-arithmetic constexpr-backtrace-limit constexpr-depth constexpr-steps
debug-default-version denormal-fp-math diagnostics-color diagnostics-format diagnostics-hotness-threshold
diagnostics-misexpect-tolerance diagnostics-show-category exec-charset experimental-bounds-safety
extend-arguments float16-excess-precision fp-contract fp-eval-method fp-exception-behavior fp-model
function-alignment gnuc-version input-charset inline-max-stacksize lax-vector-conversions lto-jobs macro-backtrace-limit
max-errors max-tokens max-type-align message-length mcdc-max-conditions ms-compatibility-version msc-version
new-alignment no-sanitize no-sanitize-coverage no-sanitize-recover no-sanitize-trap objc-runtime openmp-version
optimization-record-passes overflow-behavior pack-struct patchable-function-entry profile-exclude-files
profile-filter-files profile-function-groups profile-selected-function-group profile-update randomize-layout-seed
sanitize-address-destructor sanitize-address-field-padding sanitize-address-use-after-return sanitize-coverage
sanitize-hwaddress-abi sanitize-memory-track-origins sanitize-recover sanitize-trap
sanitize-undefined-strip-path-components show-overloads spell-checking-limit strict-flex-arrays swift-async-fp
template-backtrace-limit template-depth tabstop time-trace-granularity tls-model trap-function
trivial-auto-var-init trivial-auto-var-init-max-size trivial-auto-var-init-stop-after veclib visibility
visibility-dllexport visibility-externs-dllimport visibility-externs-nodllstorageclass
visibility-nodllstorageclass wchar-type xray-function-groups xray-instruction-threshold
xray-instrumentation-bundle xray-modes xray-selected-function-group zero-call-used-regs
";
