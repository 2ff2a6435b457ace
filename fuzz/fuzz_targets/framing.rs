#![no_main]

foldback_fuzz::target!("framing");
