//! Which operating system and processor a toolchain builds for, as far as the manifest tells.

use crate::manifest::Toolchain;

/// What a target is built for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, `macos`, `windows`, ..., or `none`.
    pub os: String,
    /// `x86_64`, `aarch64`, `arm`, `avr`, ...
    pub arch: String,
}

/// The operating systems that conditions may name.
pub(crate) const SYSTEMS: [&str; 14] = [
    "linux",
    "macos",
    "windows",
    "none",
    "freebsd",
    "netbsd",
    "openbsd",
    "dragonfly",
    "android",
    "ios",
    "solaris",
    "illumos",
    "wasi",
    "emscripten",
];

/// Processors that are known by name; others are what a triple begins with.
pub(crate) const PROCESSORS: [&str; 36] = [
    "x86_64",
    "x86",
    "aarch64",
    "aarch64_be",
    "arm",
    "avr",
    "riscv32",
    "riscv64",
    "mips",
    "mipsel",
    "mips64",
    "mips64el",
    "powerpc",
    "powerpc64",
    "powerpc64le",
    "s390x",
    "sparc",
    "sparc64",
    "xtensa",
    "msp430",
    "m68k",
    "loongarch64",
    "wasm32",
    "wasm64",
    "hexagon",
    "or1k",
    "sh4",
    "arc",
    "nios2",
    "microblaze",
    "rx",
    "rl78",
    "hppa",
    "alpha",
    "bpf",
    "pru",
];

/// What others call an operating system or a processor, and its name here.
pub(crate) const ALIASES: [(&str, &str); 14] = [
    ("darwin", "macos"),
    ("osx", "macos"),
    ("mac", "macos"),
    ("win32", "windows"),
    ("win64", "windows"),
    ("mingw32", "windows"),
    ("baremetal", "none"),
    ("bare-metal", "none"),
    ("x64", "x86_64"),
    ("amd64", "x86_64"),
    ("arm64", "aarch64"),
    ("i386", "x86"),
    ("i686", "x86"),
    ("ppc64le", "powerpc64le"),
];

/// What `toolchain` builds for: its `target`, else the triple before the compiler's name (`arm-none-eabi-gcc`), else
/// the host.
pub(crate) fn of_toolchain(toolchain: Option<&Toolchain>, host: &Platform) -> Platform {
    let text = |value: &Option<crate::manifest::Text>| value.as_ref().map(|text| text.get_ref().clone());
    let declared = toolchain.and_then(|t| text(&t.target));
    let prefix = toolchain.and_then(|t| text(&t.cc).or_else(|| text(&t.cxx))).and_then(|cc| prefix_of(&cc));
    declared.or(prefix).map_or_else(|| host.clone(), |triple| of_triple(&triple))
}

/// What stands before the compiler's own name: `avr` of `/opt/bin/avr-gcc-5 -mmcu=x`.
fn prefix_of(compiler: &str) -> Option<String> {
    let program = compiler.split_whitespace().next()?;
    let name = program.rsplit('/').next()?;
    let at = ["-gcc", "-g++", "-clang", "-cc", "-c++"].iter().filter_map(|end| name.find(end)).min()?;
    Some(name[..at].to_string()).filter(|prefix| !prefix.is_empty())
}

/// Takes a target triple apart.
pub(crate) fn of_triple(triple: &str) -> Platform {
    let parts: Vec<&str> = triple.split('-').collect();
    let arch = match parts[0] {
        "i386" | "i486" | "i586" | "i686" => "x86",
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        arch if arch.starts_with("arm") || arch.starts_with("thumb") => "arm",
        arch => arch,
    };
    let systems =
        ["linux", "windows", "freebsd", "netbsd", "openbsd", "android", "wasi", "emscripten", "none"];
    let os = parts.iter().skip(1).find_map(|part| match *part {
        part if part.starts_with("darwin") || part.starts_with("macos") => Some("macos"),
        part if part.starts_with("mingw") => Some("windows"),
        part => systems.into_iter().find(|os| part.starts_with(os)),
    });
    Platform { os: os.unwrap_or("none").to_string(), arch: arch.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(triple: &str) -> String {
        let Platform { os, arch } = of_triple(triple);
        format!("{os} {arch}")
    }

    #[test]
    fn a_triple_names_system_and_processor() {
        assert_eq!(of("x86_64-linux-gnu"), "linux x86_64");
        assert_eq!(of("aarch64-unknown-linux-musl"), "linux aarch64");
        assert_eq!(of("arm-none-eabi"), "none arm");
        assert_eq!(of("avr"), "none avr");
        assert_eq!(of("x86_64-w64-mingw32"), "windows x86_64");
        assert_eq!(of("i686-pc-windows-msvc"), "windows x86");
        assert_eq!(of("arm64-apple-darwin23"), "macos aarch64");
    }

    #[test]
    fn a_compiler_with_a_prefix_tells_its_triple() {
        assert_eq!(prefix_of("/opt/x/avr-gcc-5.4 -mmcu=x").as_deref(), Some("avr"));
        assert_eq!(prefix_of("arm-none-eabi-g++").as_deref(), Some("arm-none-eabi"));
        assert_eq!(prefix_of("gcc-12"), None);
        assert_eq!(prefix_of("clang"), None);
    }
}
