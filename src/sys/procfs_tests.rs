//! What the kernel writes, read back.

use super::*;

const XEON_GUEST: &str = "processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Processor
cpu MHz\t\t: 2599.998
flags\t\t: fpu vme tsc msr constant_tsc rep_good nonstop_tsc tsc_known_freq hypervisor lahf_lm
bogomips\t: 5199.99

processor\t: 1
model name\t: another
";

const RYZEN_OLD_KERNEL: &str = "processor\t: 0
model name\t: AMD Ryzen 9 5950X 16-Core Processor
flags\t\t: fpu tsc constant_tsc
";

const NEOVERSE: &str = "processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes
CPU implementer\t: 0x41
CPU architecture: 8
CPU part\t: 0xd0c
";

#[test]
fn cpu_lists_both_ways() {
    assert_eq!(cpu_list("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
    assert_eq!(cpu_list("5"), [5]);
    assert_eq!(cpu_list("3,1,1"), [1, 3]);
    for nothing in ["", "\n", "(null)", "x-y", "3-1"] {
        assert!(cpu_list(nothing).is_empty(), "{nothing:?}");
    }
    assert_eq!(cpu_list("0-4294967295").len(), 8_192);
    assert_eq!(cpu_list_text(&[0, 1, 2, 3, 8, 10, 11]), "0-3,8,10-11");
    assert_eq!(cpu_list_text(&[]), "");
}

#[test]
fn cpuinfo_of_three_kinds() {
    let xeon = cpuinfo(XEON_GUEST);
    assert_eq!(xeon.model, "Intel(R) Xeon(R) Processor");
    assert_eq!((xeon.tsc_invariant, xeon.virtualised), (Some(true), true));
    let ryzen = cpuinfo(RYZEN_OLD_KERNEL);
    assert_eq!(
        (ryzen.tsc_invariant, ryzen.virtualised),
        (Some(false), false)
    );
    let neoverse = cpuinfo(NEOVERSE);
    assert_eq!(neoverse.model, "ARM 0x41 part 0xd0c");
    assert_eq!(neoverse.tsc_invariant, None);
    assert_eq!(cpuinfo(""), CpuInfo::default());
}

#[test]
fn sizes_and_choices() {
    assert_eq!(cache_bytes("2048K\n"), Some(2 << 20));
    assert_eq!(cache_bytes("32M"), Some(32 << 20));
    assert_eq!(cache_bytes("512"), Some(512));
    assert_eq!(cache_bytes("big"), None);
    assert_eq!(cache_bytes(""), None);
    assert_eq!(chosen("always [madvise] never\n"), Some("madvise"));
    assert_eq!(chosen("never"), None);
}

#[test]
fn memory() {
    let text = "MemTotal:       24684084 kB\nMemFree:        22388004 kB\nMemAvailable:   23938160 kB\n\
        SwapCached:            0 kB\nSwapTotal:       2000 kB\nSwapFree:        500 kB\nHugePages_Total:       0\n";
    let memory = meminfo(text);
    assert_eq!(memory.total_bytes, 24_684_084 * 1_024);
    assert_eq!(memory.available_bytes, 23_938_160 * 1_024);
    assert_eq!(memory.swap_used_bytes, 1_500 * 1_024);
    assert_eq!(meminfo("nonsense"), Memory::default());
}

#[test]
fn steal() {
    let before = stat("cpu  9894 0 3314 180743 654 0 58 18 5 5\ncpu0 4636 0 1287\n").unwrap();
    assert_eq!(before.steal_ticks, 18);
    assert_eq!(before.total_ticks, 9_894 + 3_314 + 180_743 + 654 + 58 + 18);
    let after = CpuTime {
        total_ticks: before.total_ticks + 1_000,
        steal_ticks: before.steal_ticks + 20,
    };
    assert_eq!(after.steal_share_since(&before), Some(0.02));
    assert_eq!(before.steal_share_since(&before), None);
    assert_eq!(before.steal_share_since(&after), None);
    assert_eq!(stat("cpu  1 2 3\n"), None);
    assert_eq!(stat(""), None);
}

#[test]
fn quotas() {
    assert_eq!(cpu_quota("150000 100000\n"), Some(1.5));
    for none in ["max 100000", "-1 100000", "0 0", ""] {
        assert_eq!(cpu_quota(none), None, "{none:?}");
    }
}
