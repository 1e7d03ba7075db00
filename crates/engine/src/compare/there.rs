//! The other side of a comparison: what was made in another store, or in other build directories.

use std::path::Path;

use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::ingredients::{Ingredients, Short, Text, Unreadable, decode_parts, parts_name};
use rekindle_fingerprint::roots::Roots;
use rekindle_scheduler::Graph;
use rekindle_store::{ActionCache, Disk, Entry, Error as StoreError};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Error;
use crate::history::History;

/// Of so many builds, the last ones, it is asked which results they used.
const BUILDS: usize = 64;

/// A file that an action made there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) content: Short,
    pub(super) executable: bool,
}

/// A result that is there.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) ingredients: Ingredients,
    pub(super) products: Vec<Product>,
    /// How many builds were made since one that used it; a great number if no record tells.
    pub(super) age: usize,
}

impl Made {
    pub(super) fn contents(&self) -> Vec<Short> {
        self.products.iter().map(|product| product.content).collect()
    }
}

/// What is there.
#[derive(Debug, Default)]
pub struct There {
    made: FxHashMap<(ActionKind, Vec<Text>), Vec<Made>>,
    parts: FxHashMap<Digest, Vec<(String, Short)>>,
    is_shared: bool,
    /// How many results there are.
    pub results: usize,
    /// How many of them do not say of what they were made, or say it in a way that is not understood here.
    pub silent: usize,
}

/// What actions make: their kinds, and their products as keys have them.
pub type Products = FxHashSet<(ActionKind, Vec<Text>)>;

/// What the actions of a graph make.
pub fn products(graph: &Graph, files: &mut Files) -> Products {
    let mut products = Products::default();
    for (_, action) in graph.actions() {
        let command = action.command(files);
        let made = command.produces.iter().map(|text| files.text(*text).into());
        products.insert((action.kind, made.collect()));
    }
    products
}

impl There {
    /// What a store has of the products that are `wanted`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of_store(store: &Disk, wanted: &Products) -> Result<Self, StoreError> {
        let mut there = Self { is_shared: true, ..Self::default() };
        let mut ages: FxHashMap<Digest, usize> = FxHashMap::default();
        for (age, (_, name)) in store.builds()?.into_iter().take(BUILDS).enumerate() {
            // A record that is damaged tells nothing.
            for result in store.build(&name).ok().flatten().into_iter().flat_map(|build| build.results) {
                ages.entry(result).or_insert(age);
            }
        }
        store.each_result(&mut |name, entry| {
            let Entry::Made(result) = entry else { return };
            let made_of = result.origin.as_ref().map_or(&[][..], |origin| &origin.made_of);
            let products = result.products.iter();
            let products = products.map(|product| Product {
                content: (&product.blob.digest).into(),
                executable: product.executable,
            });
            let age = ages.get(&name).copied().unwrap_or(usize::MAX);
            there.add(Ingredients::decode(made_of), products.collect(), age, wanted);
        })?;
        there.read_parts(|identity| store.note(&parts_name(identity)).ok().flatten());
        Ok(there)
    }

    /// Adds what the journal of a build directory says of the products that are `wanted`. The journal may be rewritten:
    /// give a copy.
    ///
    /// # Errors
    /// The journal cannot be read, or a newer rekindle wrote it.
    pub fn add_journal(&mut self, journal: &Path, wanted: &Products) -> Result<(), Error> {
        // Nothing is looked for at the places of its roots: nobody knows them.
        let mut files = Files::new(Roots::new("", ""));
        let history = History::open(journal, &mut files)?;
        for (_, stamps) in history.stamps() {
            let Some(stamp) = &stamps.current else { continue };
            let products = stamp.outputs.iter().map(|output| Product {
                content: (&files.blob(output.content).digest).into(),
                executable: output.executable,
            });
            self.add(Ok(Ingredients::of_stamp(stamp, &files)), products.collect(), 0, wanted);
        }
        for (digest, parts) in history.identities() {
            let parts = parts.iter().map(|part| (part.name.clone(), (&part.digest).into()));
            self.parts.insert(*digest, parts.collect());
        }
        history.leave();
        Ok(())
    }

    fn add(
        &mut self,
        ingredients: Result<Ingredients, Unreadable>,
        products: Vec<Product>,
        age: usize,
        wanted: &Products,
    ) {
        self.results += 1;
        let Ok(ingredients) = ingredients else {
            self.silent += 1;
            return;
        };
        let key = (ingredients.kind, ingredients.products.clone());
        if wanted.contains(&key) {
            self.made.entry(key).or_default().push(Made { ingredients, products, age });
        }
    }

    fn read_parts(&mut self, note: impl Fn(&Digest) -> Option<Vec<u8>>) {
        let Self { made, parts, .. } = self;
        for identity in made.values().flatten().filter_map(|made| made.ingredients.identity) {
            if !parts.contains_key(&identity)
                && let Some(known) = note(&identity).and_then(|note| decode_parts(&note).ok())
            {
                parts.insert(identity, known);
            }
        }
    }

    /// What was made by actions of this kind with these products.
    pub(super) fn counterparts(&self, kind: ActionKind, products: &[Text]) -> &[Made] {
        self.made.get(&(kind, products.to_vec())).map_or(&[], Vec::as_slice)
    }

    /// Of what parts an identity was made.
    pub(super) fn parts(&self, identity: &Digest) -> Option<&[(String, Short)]> {
        self.parts.get(identity).map(Vec::as_slice)
    }

    /// Whether what must not be shared cannot be there.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }
}
