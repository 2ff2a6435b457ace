//! What people read on the command line: help, and one sentence for each mistake.

#[test]
fn the_command_line_says() {
    trycmd::TestCases::new().case("tests/cmd/*.toml").case("tests/cmd/*.trycmd");
}
