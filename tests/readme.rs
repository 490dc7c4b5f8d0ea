//! The session in `README.md`, command by command, against what the program prints.
//!
//! Lines with `...` and the words `[..]` there stand for anything.

#[test]
fn the_session_in_the_readme_is_what_happens() {
    trycmd::TestCases::new().case("README.md");
}
