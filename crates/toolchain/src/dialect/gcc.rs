//! The flags of gcc, versions 5 to 14 (<https://gcc.gnu.org/onlinedocs/gcc/Option-Summary.html>).

use super::Effect::{
    Include, Local, Owned, Plain, Profile, Reads, Selects, SelectsPath, Sides, Spec, Writes,
};
use super::IncludeKind::After;
use super::Profile::{Apart, Counts, Prefix, Samples};
use super::Shape::{Alone, Either, Joined, Optional, Separate};
use super::{Dialect, In, Row, Side, common, row};

const SAVED: &[Side] = &[Side::Saved];

/// The table of gcc.
pub(crate) const GCC: Dialect =
    Dialect { name: "gcc", tables: &[ROWS, common::COMMON], toggles: TOGGLES, values: VALUES };

// tidy: table
const ROWS: &[Row] = &[
    row("-specs=", Joined, SelectsPath(In::Both)),
    row("--specs=", Joined, SelectsPath(In::Both)),
    row("-save-temps", Alone, Sides(SAVED)),
    row("-save-temps=obj", Alone, Sides(SAVED)),
    row("-save-temps=cwd", Alone, Sides(SAVED)),
    row("--save-temps", Alone, Sides(SAVED)),
    row("-fcallgraph-info", Optional, Sides(&[Side::Calls])),
    row("-fsave-optimization-record", Alone, Sides(&[Side::Record])),
    row("-fopt-info", Alone, Plain),
    row("-fopt-info-", Joined, Local("it may write a file")),
    row("-fopt-info=", Joined, Writes),
    row("-aux-info", Separate, Writes),
    row("-aux-info=", Joined, Writes),
    row("-fauto-profile", Alone, Profile(Samples)),
    row("-fauto-profile=", Joined, Reads),
    row("-fbranch-probabilities", Alone, Profile(Counts)),
    row("-fprofile-use", Optional, Profile(Counts)),
    row("-fprofile-dir=", Joined, Profile(Apart)),
    row("-fada-spec-parent=", Joined, Local("it is for another language")),
    row("-finstrument-functions-exclude-file-list=", Joined, Plain),
    row("-fmodule-mapper=", Joined, Local("it talks to another program")),
    row("-fmodules-ts", Alone, Local("it reads and writes module files")),
    row("-fmodule-header", Optional, Local("it writes module files")),
    row("-fcompare-debug", Optional, Local("it compiles twice")),
    row("-fcompare-debug-second", Alone, Local("it compiles twice")),
    row("-fdiagnostics-format=", Joined, Plain),
    row("-fdiagnostics-format=sarif-file", Alone, Local("it writes its messages to a file")),
    row("-fdiagnostics-format=json-file", Alone, Local("it writes its messages to a file")),
    row("-fdiagnostics-generate-patch", Alone, Plain),
    row("-fopenmp", Alone, Spec("libgomp.spec")),
    row("-fopenacc", Alone, Spec("libgomp.spec")),
    row("-ftree-parallelize-loops=", Joined, Spec("libgomp.spec")),
    row("-fgnu-tm", Alone, Spec("libitm.spec")),
    row("-fsanitize=", Joined, Spec("libsanitizer.spec")),
    row("-foffload=", Joined, Local("it runs compilers for other processors")),
    row("-foffload-options=", Joined, Local("it runs compilers for other processors")),
    row("-foffload-abi=", Joined, Plain),
    row("-fdisable-", Joined, Plain),
    row("-fenable-", Joined, Plain),
    row("-frandom-seed=", Joined, Plain),
    row("-fcall-saved-", Joined, Plain),
    row("-fcall-used-", Joined, Plain),
    row("-ffixed-", Joined, Plain),
    row("-fstack-limit-register=", Joined, Plain),
    row("-fstack-limit-symbol=", Joined, Plain),
    row("-ftemplate-depth-", Joined, Plain),
    row("-fno-builtin-", Joined, Plain),
    row("-finline-limit-", Joined, Plain),
    row("-fprofile-note=", Joined, Writes),
    row("-fprofile-prefix-path=", Joined, Profile(Prefix)),
    row("-fself-test", Joined, Local("it tests the compiler")),
    row("-wrapper", Separate, Local("it runs the compiler's programs through another")),
    row("-no-integrated-cpp", Alone, Plain),
    row("-iplugindir=", Joined, SelectsPath(In::Compile)),
    row("-imultilib", Separate, Plain),
    row("-imultiarch", Separate, Plain),
    row("--include-directory-after=", Joined, Include(After)),
    row("-dumpbase", Separate, Owned("rekindle names what is written")),
    row("-dumpbase-ext", Separate, Owned("rekindle names what is written")),
    row("-dumpdir", Separate, Owned("rekindle names what is written")),
    row("-A", Either, Plain),
    row("-N", Alone, Plain),
    row("-n", Alone, Plain),
    row("-remap", Alone, Local("it reads header.gcc files")),
    row("-mlarge", Alone, Selects(In::Both)),
    row("-msmall", Alone, Selects(In::Both)),
    row("-mtiny-stack", Alone, Selects(In::Both)),
    row("-mcmodel=", Joined, Plain),
    row("-gas-loc-support", Alone, Plain),
    row("-gno-as-loc-support", Alone, Plain),
    row("-gas-locview-support", Alone, Plain),
    row("-gno-as-locview-support", Alone, Plain),
    row("-gbtf", Alone, Plain),
    row("-gctf", Alone, Plain),
    row("-gctf0", Alone, Plain),
    row("-gctf1", Alone, Plain),
    row("-gctf2", Alone, Plain),
    row("-gdescribe-dies", Alone, Plain),
    row("-ginline-points", Alone, Plain),
    row("-gno-inline-points", Alone, Plain),
    row("-ginternal-reset-location-views", Alone, Plain),
    row("-gno-internal-reset-location-views", Alone, Plain),
    row("-gstabs", Alone, Plain),
    row("-gstabs+", Alone, Plain),
    row("-gstatement-frontiers", Alone, Plain),
    row("-gno-statement-frontiers", Alone, Plain),
    row("-gtoggle", Alone, Plain),
    row("-gvariable-location-views", Optional, Plain),
    row("-gno-variable-location-views", Alone, Plain),
    row("-gvms", Alone, Plain),
    row("-Tdata-segment", Either, Plain),
];

/// What `-fNAME` and `-fno-NAME` may be.
const TOGGLES: &str = "
access-control aggressive-loop-optimizations align-functions align-jumps align-labels align-loops aligned-new
all-virtual allocation-dce allow-store-data-races alt-external-templates analyzer analyzer-call-summaries
analyzer-feasibility analyzer-fine-grained analyzer-show-duplicate-count analyzer-state-merge analyzer-state-purge
analyzer-transitivity analyzer-verbose-edges analyzer-verbose-state-changes asm associative-math assume-phsa
asynchronous-unwind-tables auto-inc-dec bit-tests bounds-check branch-count-reg branch-target-load-optimize
branch-target-load-optimize2 btr-bb-exclusive builtin caller-saves canonical-system-headers cf-protection char8_t
check-data-deps check-new checking code-hoisting cold-stack-protector combine-stack-adjustments common compare-elim
concepts concepts-ts cond-mismatch conserve-stack constexpr-fp-except coroutines cprop-registers crossjumping
cse-follow-jumps cse-skip-blocks cx-fortran-rules cx-limited-range data-sections dce debug-cpp debug-types-section
declone-ctor-dtor deduce-init-list default-inline defer-pop delayed-branch delete-dead-exceptions
delete-null-pointer-checks devirtualize devirtualize-at-ltrans devirtualize-speculatively diagnostics-color
diagnostics-parseable-fixits diagnostics-plain-output diagnostics-show-caret diagnostics-show-cwe
diagnostics-show-labels diagnostics-show-line-numbers diagnostics-show-option diagnostics-show-path-depths
diagnostics-show-rules diagnostics-show-template-tree directives-only dollars-in-identifiers dse dwarf2-cfi-asm
early-inlining elide-constructors elide-type eliminate-dwarf2-dups eliminate-unused-debug-symbols
eliminate-unused-debug-types emit-class-debug-always emit-struct-debug-baseonly emit-struct-debug-reduced
enforce-eh-specs exceptions expensive-optimizations ext-numeric-literals extended-identifiers extern-tls-init
fast-math fat-lto-objects finite-loops finite-math-only float-store fold-mem-offsets fold-simple-inlines for-scope
force-addr forward-propagate fp-int-builtin-inexact freestanding friend-injection function-cse function-sections
gcse gcse-after-reload gcse-las gcse-lm gcse-sm gimple gnu-keywords gnu-runtime gnu-unique gnu89-inline graphite
graphite-identity guess-branch-probability handle-exceptions harden-compares harden-conditional-branches
harden-control-flow-redundancy hardcfr-check-exceptions hardcfr-check-noreturn-calls hardcfr-check-returning-calls
hardcfr-skip-leaf hardened hoist-adjacent-loads hosted ident if-conversion if-conversion2 implement-inlines
implicit-constexpr implicit-inline-templates implicit-templates indirect-inlining inhibit-size-directive inline
inline-atomics inline-functions inline-functions-called-once inline-small-functions inline-stringops
instrument-functions instrument-functions-once ipa-bit-cp ipa-cp ipa-cp-alignment ipa-cp-clone ipa-icf
ipa-icf-functions ipa-icf-variables ipa-matrix-reorg ipa-modref ipa-profile ipa-pta ipa-pure-const ipa-ra
ipa-reference ipa-reference-addressable ipa-sra ipa-stack-alignment ipa-strict-aliasing ipa-strub ipa-vrp
ira-hoist-pressure ira-loop-pressure ira-share-save-slots ira-share-spill-slots isolate-erroneous-paths-attribute
isolate-erroneous-paths-dereference ivopts jump-tables keep-gc-roots-live keep-inline-functions keep-static-consts
keep-static-functions lax-vector-conversions leading-underscore lifetime-dse limit-function-alignment
live-patching live-range-shrinkage loop-block loop-interchange loop-nest-optimize loop-optimize
loop-parallelize-all loop-strip-mine loop-unroll-and-jam lra-remat lto-odr-type-merging lto-report lto-report-wpa
math-errno mem-report mem-report-wpa merge-all-constants merge-constants merge-debug-strings
module-implicit-inline module-lazy module-only module-version-ignore modulo-sched modulo-sched-allow-regmoves
move-loop-invariants move-loop-stores ms-extensions multiflags new-inheriting-ctors new-ttp-matching
non-call-exceptions nonansi-builtins nothrow-opt omit-frame-pointer openmp-simd operator-names
optimize-register-move optimize-sibling-calls optimize-strlen optional-diags pack-struct partial-inlining
pcc-struct-return pch-deps pch-preprocess peel-loops peephole peephole2 permissive PIC pic PIE pie
plan9-extensions plt post-ipa-mem-report pre-ipa-mem-report predictive-commoning prefetch-loop-arrays preprocessed
pretty-templates printf-return-value profile profile-abs-path profile-correction profile-info-section
profile-partial-training profile-reorder-functions profile-report profile-values reciprocal-math
record-gcc-switches ree reg-struct-return regmove rename-registers reorder-blocks reorder-blocks-and-partition
reorder-functions repo report-bug rerun-cse-after-loop rerun-loop-opt reschedule-modulo-scheduled-loops
rounding-math rtti sanitize-address-use-after-scope sanitize-recover sanitize-trap sanitize-undefined-trap-on-error
sched-critical-path-heuristic sched-dep-count-heuristic sched-group-heuristic sched-interblock
sched-last-insn-heuristic sched-pressure sched-rank-heuristic sched-spec sched-spec-insn-heuristic sched-spec-load
sched-spec-load-dangerous sched-stalled-insns sched-stalled-insns-dep sched2-use-superblocks schedule-fusion
schedule-insns schedule-insns2 section-anchors sel-sched-pipelining sel-sched-pipelining-outer-loops
sel-sched-reschedule-pipelined selective-scheduling selective-scheduling2 semantic-interposition short-double
short-enums short-wchar show-column shrink-wrap shrink-wrap-separate signaling-nans signed-bitfields signed-char
signed-zeros single-precision-constant sized-deallocation split-ivs-in-unroller split-loops split-paths split-stack
split-wide-types split-wide-types-early ssa-backprop ssa-phiopt stack-check stack-clash-protection stack-limit
stack-protector stack-protector-all stack-protector-explicit stack-protector-strong stats stdarg-opt store-merging
strength-reduce strict-aliasing strict-enums strict-flex-arrays strict-overflow strict-prototype
strict-volatile-bitfields strong-eval-order sync-libcalls thread-jumps threadsafe-statics time-report
time-report-details toplevel-reorder tracer track-macro-expansion trampolines trapping-math trapv tree-bit-ccp
tree-builtin-call-dce tree-ccp tree-ch tree-coalesce-inlined-vars tree-coalesce-vars tree-copy-prop
tree-copyrename tree-cselim tree-dce tree-dominator-opts tree-dse tree-forwprop tree-fre
tree-loop-distribute-patterns tree-loop-distribution tree-loop-if-convert tree-loop-if-convert-stores tree-loop-im
tree-loop-ivcanon tree-loop-linear tree-loop-optimize tree-loop-vectorize tree-lrs tree-partial-pre tree-phiprop
tree-pre tree-pta tree-reassoc tree-scev-cprop tree-sink tree-slp-vectorize tree-slsr tree-sra tree-store-ccp
tree-switch-conversion tree-tail-merge tree-ter tree-vect-loop-version tree-vectorize tree-vrp
unconstrained-commons unit-at-a-time unreachable-traps unroll-all-loops unroll-completely-grow-size unroll-loops
unsafe-loop-optimizations unsafe-math-optimizations unsigned-bitfields unsigned-char unswitch-loops unwind-tables
use-cxa-atexit use-cxa-get-exception-ptr use-linker-plugin var-tracking var-tracking-assignments
var-tracking-assignments-toggle var-tracking-uninit variable-expansion-in-unroller vect-cost-model verbose-asm
version-loops-for-strides visibility-inlines-hidden visibility-ms-compat vpt vtable-verify vtv-counts vtv-debug weak
web whole-program working-directory wrapv wrapv-pointer xref zero-initialized-in-bss
";

/// What `-fNAME=VALUE` may be.
const VALUES: &str = "
abi-compat-version abi-version align-functions align-jumps align-labels align-loops aligned-new analyzer-checker
analyzer-verbosity asan-shadow-offset cf-protection checking concepts-diagnostics-depth constexpr-cache-depth
constexpr-depth constexpr-loop-limit constexpr-ops-limit contract-build-level diagnostics-color
diagnostics-column-origin diagnostics-column-unit diagnostics-escape-format diagnostics-minimum-margin-width
diagnostics-path-format diagnostics-show-location diagnostics-text-art-charset diagnostics-urls
emit-struct-debug-detailed excess-precision exec-charset fp-contract gnat-encodings harden-control-flow-redundancy
hardcfr-check-noreturn-calls inline-limit inline-stringops input-charset instrument-functions-exclude-function-list
ira-algorithm ira-region ira-verbose lifetime-dse linker-output live-patching lto-compression-level lto-partition
max-errors max-include-depth message-length name-mangling-version objc-abi-version openacc-dim pack-struct
patchable-function-entry permitted-flt-eval-methods profile-abs-path profile-exclude-files profile-filter-files
profile-info-section profile-reproducible profile-update reorder-blocks-algorithm sanitize-coverage
sanitize-recover sanitize-sections sanitize-trap no-sanitize no-sanitize-recover sched-stalled-insns
sched-stalled-insns-dep sched-verbose simd-cost-model sso-struct stack-check stack-reuse strict-flex-arrays
strong-eval-order strub tabstop template-backtrace-limit template-depth tls-model track-macro-expansion
tree-vectorizer-verbose trivial-auto-var-init vect-cost-model visibility vtable-verify wide-exec-charset
zero-call-used-regs
";
