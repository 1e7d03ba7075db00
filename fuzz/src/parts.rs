//! An input that consists of several byte strings: each with its length in 4 bytes (little-endian) before it.

/// The parts of an input. A length beyond the end means what is left.
pub fn split(mut data: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (part, rest) = rest.split_at(length.min(rest.len()));
        parts.push(part);
        data = rest;
    }
    parts
}

/// The input that consists of these parts.
pub fn join<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    let mut data = Vec::new();
    for part in parts.iter().map(AsRef::as_ref) {
        data.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        data.extend_from_slice(part);
    }
    data
}

/// Changes one part and leaves the others whole: `change` is given a buffer, how much of it is used and how much may be.
/// At times a part is doubled, taken away or moved.
pub fn mutate(
    data: &mut [u8],
    size: usize,
    most: usize,
    seed: u32,
    change: impl FnOnce(&mut [u8], usize, usize) -> usize,
) -> usize {
    let most = most.min(data.len());
    let mut parts: Vec<Vec<u8>> = split(&data[..size]).into_iter().map(<[u8]>::to_vec).collect();
    let (choice, seed) = (seed % 16, (seed / 16) as usize);
    if parts.is_empty() || choice == 0 {
        return change(data, size, most);
    }
    let (at, other) = (seed % parts.len(), (seed / 7) % parts.len());
    match choice {
        1 => parts.insert(other, parts[at].clone()),
        2 => drop(parts.remove(at)),
        3 => parts.swap(at, other),
        _ => {
            let part = &mut parts[at];
            let used = part.len();
            let room = used + most.saturating_sub(size);
            part.resize(room.max(1), 0);
            let now = change(part, used, room.max(1));
            part.truncate(now);
        }
    }
    let joined = join(&parts);
    let Some(place) = data.get_mut(..joined.len()).filter(|_| joined.len() <= most) else { return size };
    place.copy_from_slice(&joined);
    joined.len()
}
