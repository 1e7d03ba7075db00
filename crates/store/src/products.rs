//! The files of a result, taken from their places and put back there, for callers that keep no books of their own.

use std::fs;
use std::io;
use std::path::PathBuf;

use rekindle_fingerprint::digest::{Blob, Digest};

use crate::error::Error;
use crate::result::{ActionResult, Entry, Product};
use crate::{ActionCache, Cas};

/// Puts files, and that they are what `name` gives.
///
/// # Errors
/// A file cannot be read, or is not what it is said to be ([`Error::Place`]); the store cannot be written.
pub fn put<S: Cas + ActionCache + ?Sized>(
    store: &S,
    name: &Digest,
    files: &[(PathBuf, Product)],
) -> Result<(), Error> {
    for (path, product) in files {
        let place = |source| Error::Place { verb: "read", path: path.clone(), source };
        let bytes = fs::read(path).map_err(place)?;
        if Blob::of(&bytes) != product.blob {
            return Err(place(io::Error::new(io::ErrorKind::InvalidData, "it was changed meanwhile")));
        }
        store.put(&product.blob, &bytes)?;
    }
    let products = files.iter().map(|(_, product)| *product).collect();
    store.put_entry(name, &Entry::Made(ActionResult { products, ..ActionResult::default() }))
}

/// Writes the files that `name` gives to these places, in their order, and tells whether it was all there; if not, no file
/// may be relied on.
///
/// # Errors
/// The store cannot be read, or is damaged; a file cannot be written.
pub fn write<S: Cas + ActionCache + ?Sized>(
    store: &S,
    name: &Digest,
    places: &[PathBuf],
) -> Result<bool, Error> {
    let Some(Entry::Made(made)) = store.entry(name)? else { return Ok(false) };
    if made.products.len() != places.len() {
        return Ok(false);
    }
    for product in &made.products {
        if !store.holds(&product.blob)? {
            return Ok(false);
        }
    }
    for (product, place) in made.products.iter().zip(places) {
        if !store.write_to(&product.blob, place, product.executable)? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    #[test]
    fn files_are_put_back_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| dir.path().join(name));
        let name = Digest::of(b"name");
        let store = Memory::default();
        assert!(!write(&store, &name, &paths).unwrap());
        let product = |text: &[u8]| Product { blob: Blob::of(text), executable: false };
        for (path, text) in paths.iter().zip(["one", "two"]) {
            fs::write(path, text).unwrap();
        }
        let files = [(paths[0].clone(), product(b"one")), (paths[1].clone(), product(b"two"))];
        put(&store, &name, &files).unwrap();
        fs::write(&paths[0], "other").unwrap();
        fs::remove_file(&paths[1]).unwrap();
        assert!(!write(&store, &name, &paths[..1]).unwrap());
        assert_eq!(fs::read(&paths[0]).unwrap(), b"other");
        assert!(write(&store, &name, &paths).unwrap());
        assert_eq!(paths.each_ref().map(|path| fs::read_to_string(path).unwrap()), ["one", "two"]);
        let lost = [product(b"one"), product(b"lost")];
        store
            .put_entry(&name, &Entry::Made(ActionResult { products: lost.to_vec(), ..Default::default() }))
            .unwrap();
        fs::remove_file(&paths[0]).unwrap();
        assert!(!write(&store, &name, &paths).unwrap());
        assert!(!paths[0].exists());
        let files = [(paths[1].clone(), product(b"three"))];
        let error = put(&store, &name, &files).unwrap_err().to_string();
        assert!(error.starts_with("cannot read ") && error.ends_with("it was changed meanwhile"), "{error}");
    }
}
