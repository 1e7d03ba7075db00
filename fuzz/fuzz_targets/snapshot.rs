#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|data: &[u8]| {
    rekindle_fuzz::snapshot::run(data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    rekindle_fuzz::parts::mutate(data, size, most, seed, fuzzer_mutate)
});
