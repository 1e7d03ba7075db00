//! Numbers, for C.

/// The greatest common divisor.
#[no_mangle]
pub extern "C" fn numbers_gcd(one: u32, another: u32) -> u32 {
    if another == 0 { one } else { numbers_gcd(another, one % another) }
}

/// The least common multiple.
#[cfg(feature = "lcm")]
#[no_mangle]
pub extern "C" fn numbers_lcm(one: u32, another: u32) -> u32 {
    one / numbers_gcd(one, another) * another
}
