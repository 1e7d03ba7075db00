//! Finding toolchains with real compilers.

mod common;

use common::{Project, spec};
use rekindle_toolchain::Family;
use rekindle_toolchain::request::Language;

#[test]
fn the_hosts_gcc_is_found_and_a_second_time_nothing_is_asked() {
    let mut project = Project::new();
    let toolchain = project.toolchain("gcc");
    assert_eq!(toolchain.family, Family::Gcc);
    assert_eq!(toolchain.local, None);
    assert!(toolchain.speaks(Language::Cxx));
    assert!(project.prober.0 > 0);
    let first: Vec<_> = toolchain.describe(&project.files).identities.iter().map(|i| i.digest).collect();
    project.forget();
    let toolchain = project.resolve(&spec("gcc")).unwrap();
    assert_eq!(project.prober.0, 0);
    assert_eq!(project.files.cost().hashed, 0);
    let second: Vec<_> = toolchain.describe(&project.files).identities.iter().map(|i| i.digest).collect();
    assert_eq!(first, second);
}
