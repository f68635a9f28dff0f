//! mum64 placeholder until the branch with the partitioners lands
/// hash
#[inline(always)]
pub fn mum64(key: u64) -> u64 {
    let product = u128::from(key ^ 0x9E37_79B9_7F4A_7C15) * u128::from(0xA24B_AED4_963E_E407u64);
    (product >> 64) as u64 ^ product as u64
}
