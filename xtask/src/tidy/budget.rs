//! Budgets of length: what a person can hold in the head. Tests have none.

use std::ops::RangeInclusive;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{Problem, Source};

/// Lines of a file, without its test modules.
const FILE: usize = 600;
/// Lines of a function, constant or static, from its first word to its last.
const ITEM: usize = 80;
/// On the line above an item (above its attributes and comments too), frees it: a flat table may be long.
const TABLE: &str = "// tidy: table";

/// Checks one Rust file.
pub(crate) fn check(source: &Source, file: &syn::File) -> Vec<Problem> {
    if is_test_file(&source.path) {
        return Vec::new();
    }
    let lines: Vec<&str> = source.text.lines().collect();
    let mut walk = Walk { source, lines: &lines, tests: 0, problems: Vec::new() };
    walk.visit_file(file);
    let production = lines.len() - walk.tests;
    let mut problems = walk.problems;
    if production > FILE {
        let what = format!("{production} production lines, over the budget of {FILE}: split it by idea");
        problems.push(Problem::new(&source.path, 0, what));
    }
    problems
}

/// Integration tests, benches and examples, and a module's tests in a file of their own.
fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

struct Walk<'a> {
    source: &'a Source,
    lines: &'a [&'a str],
    /// Lines inside test modules.
    tests: usize,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    /// Measures an item whose first word is at `first` and whose last is at `last`.
    fn measure(&mut self, what: &str, name: &syn::Ident, span: RangeInclusive<usize>) {
        let (first, last) = (*span.start(), *span.end());
        let length = last + 1 - first;
        if length > ITEM && !self.is_table(first) {
            let what = format!("{what} `{name}` has {length} lines, over the budget of {ITEM}");
            self.problems.push(Problem::new(&self.source.path, first, what));
        }
    }

    /// Whether the mark stands above the item, with only attributes and comments between.
    fn is_table(&self, first: usize) -> bool {
        let above = self.lines.iter().take(first.saturating_sub(1)).rev();
        let mut heads =
            above.map(|line| line.trim()).take_while(|line| line.starts_with("//") || line.starts_with('#'));
        heads.any(|line| line == TABLE)
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if is_for_tests(&module.attrs) {
            let span = module.span();
            self.tests += span.end().line + 1 - span.start().line;
            return;
        }
        visit::visit_item_mod(self, module);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_for_tests(&function.attrs) {
            self.measure(
                "function",
                &function.sig.ident,
                lines_of(function.sig.span(), function.block.span()),
            );
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            self.measure(
                "function",
                &function.sig.ident,
                lines_of(function.sig.span(), function.block.span()),
            );
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure("function", &function.sig.ident, lines_of(function.sig.span(), block.span()));
        }
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.measure("constant", &item.ident, lines_of(item.const_token.span(), item.semi_token.span()));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.measure("static", &item.ident, lines_of(item.static_token.span(), item.semi_token.span()));
    }
}

fn lines_of(first: Span, last: Span) -> RangeInclusive<usize> {
    first.start().line..=last.end().line
}

/// Whether an attribute says `#[cfg(test)]` or `#[test]`.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        syn::Meta::NameValue(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check(&source, &syn::parse_file(text).unwrap()).iter().map(Problem::to_string).collect()
    }

    /// A function of `lines` lines.
    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_81_lines_is_caught_and_one_of_80_is_not() {
        let caught = ["x.rs:1: function `long` has 81 lines, over the budget of 80"];
        assert_eq!(problems("x.rs", &function(81)), caught);
        assert_eq!(problems("x.rs", &function(80)), [""; 0]);
        let method = format!("impl X {{\n{}}}\n", function(81));
        assert_eq!(
            problems("x.rs", &method),
            ["x.rs:2: function `long` has 81 lines, over the budget of 80"]
        );
        let nested = format!("mod inner {{\n{}}}\n", function(81));
        assert_eq!(problems("x.rs", &nested).len(), 1);
    }

    #[test]
    fn a_long_constant_is_caught_unless_it_is_marked_as_a_table() {
        let table = format!("const ROWS: &[u8] = &[\n{}];\n", "    1,\n".repeat(90));
        assert_eq!(problems("x.rs", &table), ["x.rs:1: constant `ROWS` has 92 lines, over the budget of 80"]);
        assert_eq!(problems("x.rs", &format!("// tidy: table\n/// Rows.\n{table}")), [""; 0]);
        assert_eq!(problems("x.rs", &format!("// tidy: table\nfn other() {{}}\n{table}")).len(), 1);
    }

    #[test]
    fn a_file_of_601_production_lines_is_caught() {
        let long = "const A: u8 = 1;\n".repeat(601);
        assert_eq!(
            problems("x.rs", &long),
            ["x.rs: 601 production lines, over the budget of 600: split it by idea"]
        );
        assert_eq!(problems("x.rs", &"const A: u8 = 1;\n".repeat(600)), [""; 0]);
    }

    #[test]
    fn tests_have_no_budget() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(700));
        assert_eq!(problems("x.rs", &tests), [""; 0]);
        assert_eq!(problems("crates/a/tests/x.rs", &function(700)), [""; 0]);
        assert_eq!(problems("crates/a/src/x/tests.rs", &function(700)), [""; 0]);
        assert_eq!(
            problems("x.rs", &format!("#[cfg(not(test))]\nmod real {{\n{}}}\n", function(700))).len(),
            2
        );
    }
}
