//! The flags of GNU ld, gold, lld and mold, as they come behind `-Wl,`
//! (<https://sourceware.org/binutils/docs/ld/Options.html>).

use super::Effect::{Library, LibraryDirectory, Local, Owned, Path, Plain, PluginOption, Reads, Writes};
use super::{Effect, Value};

/// Names of flags that take no value, without dashes.
const ALONE: &str = "
EB EL E N S X d dc dp g i n q s x Bdynamic Bstatic Bsymbolic Bsymbolic-functions Bno-symbolic Bgroup Bshareable
dy dn call_shared non_shared static shared pie no-pie pic-executable Ur ( ) start-group end-group start-lib end-lib
accept-unknown-input-arch no-accept-unknown-input-arch allow-multiple-definition no-allow-multiple-definition
allow-shlib-undefined no-allow-shlib-undefined as-needed no-as-needed apply-dynamic-relocs no-apply-dynamic-relocs
check-sections no-check-sections copy-dt-needed-entries no-copy-dt-needed-entries cref ctf-variables
no-ctf-variables default-symver default-imported-symver define-common no-define-common demangle no-demangle
disable-new-dtags enable-new-dtags discard-all discard-locals discard-none dynamic-list-cpp-new
dynamic-list-cpp-typeinfo dynamic-list-data eh-frame-hdr no-eh-frame-hdr embedded-relocs emit-relocs
enable-non-contiguous-regions enable-non-contiguous-regions-warnings end-group error-unresolved-symbols
execute-only export-dynamic no-export-dynamic fatal-warnings no-fatal-warnings fix-cortex-a53-843419
fix-cortex-a53-835769 fix-cortex-a8 no-fix-cortex-a8 force-exe-suffix force-group-allocation gc-keep-exported
gc-sections no-gc-sections gdb-index no-gdb-index gnu-unique no-gnu-unique icf-iterations
ignore-data-address-equality ignore-function-address-equality ld-generated-unwind-info no-ld-generated-unwind-info
lto-emit-asm lto-whole-program-visibility map-whole-files mmap-output-file no-mmap-output-file nmagic omagic
no-omagic no-dynamic-linker no-keep-memory no-map-whole-files no-undefined no-undefined-version
no-warn-mismatch no-warn-search-mismatch no-warnings noinhibit-exec nostdlib no-ignore-unresolved-symbol
optimize-bb-jumps no-optimize-bb-jumps pop-state push-state print-gc-sections no-print-gc-sections print-icf-sections
no-print-icf-sections print-map print-map-discarded no-print-map-discarded print-memory-usage pcrel-optimize
no-pcrel-optimize qmagic reduce-memory-overheads relax no-relax relocatable rosegment no-rosegment
shuffle-sections sort-common spare-dynamic-tags start-group stats strip-all strip-debug strip-debug-gdb
strip-debug-non-line strip-discarded no-strip-discarded strip-lto-sections threads no-threads toc-optimize
no-toc-optimize traditional-format trace undefined-version unique use-android-relr-tags
verbose warn-alternate-em warn-backrefs no-warn-backrefs warn-common no-warn-common warn-constructors
warn-execstack no-warn-execstack warn-ifunc-textrel warn-multiple-gp warn-once warn-rwx-segments
no-warn-rwx-segments warn-section-align warn-shared-textrel warn-symbol-ordering no-warn-symbol-ordering
warn-textrel warn-unresolved-symbols w whole-archive no-whole-archive long-plt no-long-plt merge-exidx-entries
no-merge-exidx-entries
";

/// Names of flags that take a value, which only changes the result.
const VALUES: &str = "
A F G O Y a assert auxiliary b build-id compress-debug-sections compress-sections defsym e encoding entry exclude-libs export-dynamic-symbol f filter fini format h hash-size hash-style icf image-base
ignore-unresolved-symbol init lto-O lto-aa-pipeline lto-newpm-passes lto-partitions lto-cs-profile-generate m
max-cache-size max-page-size maxpagesize no-wrap nocompress oformat optimize orphan-handling
pack-dyn-relocs package-metadata power10-stubs randomize-section-padding require-defined
section-start shuffle-sections soname sort-section split-by-file split-by-reloc stub-group-size
target2 task-link threads thinlto-jobs thinlto-cache-policy
time-trace-granularity u undefined undefined-glob unresolved-symbols version-exports-section warn-backrefs-exclude
wrap y z trace-symbol Tbss Tdata Ttext Ttext-segment Trodata-segment Tldata-segment rpath dynamic-linker I
audit depaudit P ctf-share-types
";

const SPECIAL: &[(&str, Effect)] = &[
    ("o", Owned("rekindle names the product")),
    ("output", Owned("rekindle names the product")),
    ("dependency-file", Owned("rekindle asks for the depfile itself")),
    ("L", LibraryDirectory),
    ("library-path", LibraryDirectory),
    ("l", Library),
    ("library", Library),
    ("T", Reads),
    ("script", Reads),
    ("default-script", Reads),
    ("dT", Reads),
    ("version-script", Reads),
    ("dynamic-list", Reads),
    ("export-dynamic-symbol-list", Reads),
    ("retain-symbols-file", Reads),
    ("just-symbols", Reads),
    ("R", Reads),
    ("section-ordering-file", Reads),
    ("symbol-ordering-file", Reads),
    ("call-graph-ordering-file", Reads),
    ("undefined-glob-file", Reads),
    ("remap-inputs-file", Reads),
    ("lto-sample-profile", Reads),
    ("lto-cs-profile-file", Reads),
    ("plugin-opt", PluginOption),
    ("mllvm", Local("what it hands to LLVM is not followed")),
    ("plugin", Reads),
    ("load-pass-plugin", Reads),
    ("Map", Writes),
    ("out-implib", Writes),
    ("print-symbol-order", Writes),
    ("why-extract", Writes),
    ("lto-obj-path", Writes),
    ("reproduce", Writes),
    ("sysroot", Path),
    ("rpath-link", Path),
    ("thinlto-cache-dir", Local("a cache of the linker changes behind the build")),
    ("time-trace", Local("it writes how long things took")),
    ("time-trace=", Local("it writes how long things took")),
    ("incremental", Local("it changes the product of the last link")),
    ("error-handling-script", Local("it runs a script")),
    ("c", Reads),
    ("chroot", Local("it changes the meaning of every path")),
    ("remap-inputs", Local("it puts other files in the place of files")),
    ("dll", Local("it is for another system")),
    ("emit-stub", Plain),
];

/// What may be told to the plugin and only changes the product.
const TO_PLUGIN: &str = "
O0 O1 O2 O3 mcpu jobs lto-partitions sample-profile cs-profile-path cs-profile-generate disable-verify
debug-pass-manager no-new-pass-manager legacy-pass-manager new-pass-manager no-legacy-pass-manager -pass-through
-function-sections -data-sections -code-model -debugger-tune -generate-arange-section
-split-machine-functions -emulated-tls -exception-model -mattr -relocation-model -float-abi
-unique-basic-block-section-names
opt-remarks-passes opt-remarks-with-hotness opt-remarks-hotness-threshold opt-remarks-format
";

/// What may be told to the plugin and makes it write files, which its value may name.
const PLUGIN_WRITES: &str = "
save-temps stats-file dwo_dir obj-path cache-dir opt-remarks-filename thinlto-index-only thinlto-emit-imports-files
thinlto-emit-index-files -time-trace-file
";

/// Why a link whose plugin writes files holds only on its machine.
pub(crate) const WRITES: &str = "it writes files that are not known before";

/// Why nobody follows what the plugin is told; none if that only changes the product.
pub(crate) fn not_followed(told: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(told).unwrap_or_default();
    let name = text.split_once('=').map_or(text, |(name, _)| name);
    let listed = |list: &str| list.split_ascii_whitespace().any(|known| known == name);
    match (listed(TO_PLUGIN), listed(PLUGIN_WRITES)) {
        (true, _) => None,
        (false, true) => Some(WRITES),
        (false, false) => Some("nobody knows what it makes the plugin do"),
    }
}

/// What a linker's word does, and where its value is. Long names may have one dash or two.
pub(crate) fn look_up(word: &[u8]) -> Option<(Effect, Value)> {
    let text = std::str::from_utf8(word).ok()?;
    let (dashes, rest) = match text.strip_prefix("--") {
        Some(rest) => (2, rest),
        None => (1, text.strip_prefix('-')?),
    };
    let listed = |list: &str, name: &str| list.split_ascii_whitespace().any(|known| known == name);
    let special = |name: &str| SPECIAL.iter().find(|(known, _)| *known == name).map(|(_, effect)| *effect);
    let (name, value) = match rest.split_once('=') {
        Some((name, _)) => (name, Value::At(dashes + name.len() + 1)),
        None => (rest, Value::Next),
    };
    if let Some(effect) = special(name) {
        return Some((effect, value));
    }
    // `--build-id`, `--threads` and their like take a value behind `=` alone, or none.
    let optional = matches!(
        name,
        "build-id"
            | "sort-common"
            | "threads"
            | "unique"
            | "split-by-file"
            | "package-metadata"
            | "shuffle-sections"
            | "print-map"
            | "demangle"
    );
    if value == Value::Next && (listed(ALONE, name) || optional) {
        return Some((Effect::Plain, Value::None));
    }
    if optional || listed(VALUES, name) {
        return Some((Effect::Plain, value));
    }
    // One letter with its value behind it: `-Ldir`, `-lname`, `-O1`.
    let letter = rest.get(..1)?;
    if dashes == 1 && rest.len() > 1 {
        let behind = Value::At(2);
        return match special(letter) {
            Some(Effect::Owned(_)) | None if listed(VALUES, letter) => Some((Effect::Plain, behind)),
            Some(effect @ (Effect::Library | Effect::LibraryDirectory)) => Some((effect, behind)),
            Some(Effect::Reads) if letter == "T" => Some((Effect::Reads, behind)),
            _ => None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linker_flags_are_known_with_one_dash_or_two_and_with_their_values() {
        let found = |word: &str| look_up(word.as_bytes());
        assert_eq!(found("-Map=x.map"), Some((Writes, Value::At(5))));
        assert_eq!(found("--version-script=v"), Some((Reads, Value::At(17))));
        assert_eq!(found("--version-script"), Some((Reads, Value::Next)));
        assert_eq!(found("-rpath"), Some((Plain, Value::Next)));
        assert_eq!(found("--gc-sections"), Some((Plain, Value::None)));
        assert_eq!(found("--build-id"), Some((Plain, Value::None)));
        assert_eq!(found("--build-id=sha1"), Some((Plain, Value::At(11))));
        assert_eq!(found("-Ldir"), Some((LibraryDirectory, Value::At(2))));
        assert_eq!(found("-lm"), Some((Library, Value::At(2))));
        assert_eq!(found("-O1"), Some((Plain, Value::At(2))));
        assert_eq!(found("-Tx.ld"), Some((Reads, Value::At(2))));
        assert_eq!(found("-z"), Some((Plain, Value::Next)));
        assert_eq!(found("-znow"), Some((Plain, Value::At(2))));
        assert_eq!(found("--frobnicate"), None);
        assert!(matches!(found("--dependency-file=x"), Some((Owned(_), _))));
        assert!(matches!(found("-o"), Some((Owned(_), _))));
    }
}
