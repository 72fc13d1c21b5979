#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate::fuzzing::plan_file(bytes));
