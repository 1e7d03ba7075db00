//! petgraph is the scheduler's private tool: no other crate names it, and no public signature shows it.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};

use super::{Problem, Source};

const NAME: &str = "petgraph";
/// The crate that may use it.
const HOME: &str = "crates/scheduler/";

/// Checks one Rust file.
pub(crate) fn check(source: &Source, file: &syn::File) -> Vec<Problem> {
    if !source.path.starts_with(HOME) {
        let used = idents(file.to_token_stream()).into_iter().find(|(name, _)| name == NAME);
        return used
            .map(|(_, line)| Problem::new(&source.path, line, "petgraph is the scheduler's private tool"))
            .into_iter()
            .collect();
    }
    let mut imports = Imports(BTreeSet::from([NAME.to_owned()]));
    imports.visit_file(file);
    let mut walk = Walk { path: &source.path, names: imports.0, problems: Vec::new() };
    walk.visit_file(file);
    walk.problems
}

/// The names that `use petgraph::...` brings in.
struct Imports(BTreeSet<String>);

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let syn::UseTree::Path(path) = &item.tree
            && path.ident == NAME
        {
            leaves(&path.tree, &mut self.0);
        }
    }
}

/// The names under which the things of a `use` are known.
fn leaves(tree: &syn::UseTree, names: &mut BTreeSet<String>) {
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree, names),
        syn::UseTree::Name(name) if name.ident != "self" => drop(names.insert(name.ident.to_string())),
        syn::UseTree::Rename(name) => drop(names.insert(name.rename.to_string())),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        syn::UseTree::Name(_) | syn::UseTree::Glob(_) => {}
    }
}

/// Looks for those names in what is public.
struct Walk<'a> {
    path: &'a str,
    names: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn look(&mut self, visibility: &syn::Visibility, signature: impl ToTokens) {
        if !matches!(visibility, syn::Visibility::Public(_)) {
            return;
        }
        let shown =
            idents(signature.to_token_stream()).into_iter().find(|(name, _)| self.names.contains(name));
        if let Some((name, line)) = shown {
            let what = format!("`{name}` of petgraph in a public signature");
            self.problems.push(Problem::new(self.path, line, what));
        }
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.look(&item.vis, &item.tree);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.look(&item.vis, &item.sig);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.look(&item.vis, &item.sig);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.look(&item.vis, &item.ty);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.look(&field.vis, &field.ty);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.look(&item.vis, &item.variants);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.look(&item.vis, item);
        visit::visit_item_trait(self, item);
    }
}

/// Every identifier of some code, with its line.
fn idents(stream: TokenStream) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for token in stream {
        match token {
            TokenTree::Ident(ident) => found.push((ident.to_string(), ident.span().start().line)),
            TokenTree::Group(group) => found.extend(idents(group.stream())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check(&source, &syn::parse_file(text).unwrap()).iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn petgraph_in_another_crate_is_caught() {
        let text = "// petgraph\nuse petgraph::graph::DiGraph;\n";
        assert_eq!(lines("crates/engine/src/a.rs", text), [2]);
        assert_eq!(lines("crates/scheduler/src/a.rs", text), [0; 0]);
    }

    #[test]
    fn petgraph_in_a_public_signature_is_caught_under_its_own_name_and_an_imported_one() {
        let path = "crates/scheduler/src/a.rs";
        assert_eq!(lines(path, "\npub use petgraph::graph::NodeIndex;\n"), [2]);
        let import = "use petgraph::graph::NodeIndex;\n";
        assert_eq!(lines(path, &format!("{import}pub fn a() -> NodeIndex {{ b() }}\n")), [2]);
        assert_eq!(lines(path, &format!("{import}pub struct A {{\n    pub a: Vec<NodeIndex>,\n}}\n")), [3]);
        assert_eq!(lines(path, &format!("{import}impl A {{\n    pub fn a(at: NodeIndex) {{}}\n}}\n")), [3]);
        assert_eq!(lines(path, &format!("{import}pub enum A {{\n    B(NodeIndex),\n}}\n")), [3]);
        let renamed = "use petgraph::graph::{DiGraph as Net, EdgeIndex};\n";
        assert_eq!(
            lines(path, &format!("{renamed}pub fn a(net: Net) {{}}\npub fn b(graph: graph::X) {{}}\n")),
            [2]
        );
        let hidden = "pub struct A {\n    a: NodeIndex,\n}\npub(crate) fn a() -> NodeIndex { b() }\npub fn c() { d::<NodeIndex>() }\n";
        assert_eq!(lines(path, &format!("{import}{hidden}")), [0; 0]);
    }
}
