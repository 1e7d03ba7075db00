//! Flags that say where profiles lie.

use rekindle_fingerprint::action::Arg;
use rekindle_fingerprint::disk::Entry;

use super::{Reader, Treated, shown};
use crate::dialect::Profile;

impl Reader<'_> {
    /// Takes such a flag; gives the word that carries its value anew if a path is in it.
    pub(super) fn profile(
        &mut self,
        kind: Profile,
        carrier: &Arg,
        at: usize,
        value: &[u8],
        treated: &mut Treated,
    ) -> Option<Arg> {
        let profiles = &mut treated.profiles;
        match kind {
            Profile::Prefix => {
                profiles.prefixes.push(value.to_vec());
                return self.place(carrier, at, value, treated);
            }
            Profile::Samples => profiles.samples = true,
            Profile::Apart if value.is_empty() => {}
            // It is written down as it is.
            Profile::Apart => treated.profiles.apart.push(self.path_of(carrier, at, value)),
            Profile::Merged | Profile::Counts if value.is_empty() => profiles.usual = true,
            Profile::Merged | Profile::Counts => {
                let (id, arg) = self.path(carrier, at, value);
                match self.there(id) {
                    Some(Entry::File(..)) => treated.inputs.push(id),
                    None if self.is_generated(id) && kind == Profile::Merged => treated.inputs.push(id),
                    _ => treated.profiles.directories.push(id),
                }
                if !treated.inputs.contains(&id) && kind == Profile::Counts {
                    let shown = shown(value);
                    treated.local.get_or_insert_with(|| format!("profiles are searched in {shown}"));
                }
                return Some(arg);
            }
        }
        None
    }
}
