//! Circles between files of one room: files that name each other, directly or over others.

use std::collections::{BTreeMap, BTreeSet};

/// A file as its module and its text.
pub type Source = (Vec<String>, String);
type Names = BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>;

/// Groups of files that can each be reached from the other along what they name, in code outside tests.
pub fn circles(sources: &[Source]) -> Vec<Vec<String>> {
    let modules: BTreeSet<Vec<String>> = sources.iter().map(|(module, _)| module.clone()).collect();
    let codes: BTreeMap<Vec<String>, String> =
        sources.iter().map(|(module, text)| (module.clone(), code(text))).collect();
    let exports: Names =
        codes.iter().map(|(module, code)| (module.clone(), exported(module, code, &modules))).collect();
    let mut named: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for (module, code) in &codes {
        let used = uses(code).into_iter().filter(|(is_public, _)| !is_public).map(|(_, path)| path);
        for path in used.chain(paths(code)) {
            let Some(path) = absolute(module, &path, &modules) else { continue };
            let to = defined(&path, &modules, &exports, 0);
            if to != *module && to.first() == module.first() && to.len() > 1 {
                named.entry(module.clone()).or_default().insert(to);
            }
        }
    }
    let reach: BTreeMap<_, _> = named.keys().map(|module| (module, reachable(module, &named))).collect();
    let is_mutual = |a: &Vec<String>, b: &Vec<String>| {
        reach.get(a).is_some_and(|there| there.contains(b)) && reach.get(b).is_some_and(|there| there.contains(a))
    };
    let mut found = BTreeSet::new();
    for module in named.keys().filter(|module| reach[module].contains(*module)) {
        let circle: Vec<String> =
            named.keys().filter(|other| is_mutual(module, other)).map(|other| other.join("::")).collect();
        found.insert(circle);
    }
    found.into_iter().collect()
}

fn reachable(from: &Vec<String>, named: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> BTreeSet<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![from];
    while let Some(module) = todo.pop() {
        for next in named.get(module).into_iter().flatten() {
            if seen.insert(next.clone()) {
                todo.push(next);
            }
        }
    }
    seen
}

/// Without comments and without tests, which come last.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Each name of each `use`, and whether it is re-exported.
fn uses(code: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let Some(at) = statement.rfind("use ") else { continue };
        let before = statement[..at].lines().last().unwrap_or("").trim();
        if !(before.is_empty() || before.starts_with("pub")) {
            continue;
        }
        let is_public = before.starts_with("pub");
        expand(statement[at + 4..].trim(), &[], &mut |path| found.push((is_public, path)));
    }
    found
}

/// `a::{b, c::d}` -> `a::b`, `a::c::d`; a name that is given another one keeps its own.
fn expand(tree: &str, prefix: &[String], each: &mut impl FnMut(Vec<String>)) {
    match tree.split_once('{') {
        Some((head, rest)) => {
            let mut prefix = prefix.to_vec();
            prefix.extend(segments(head));
            let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
            let (mut depth, mut from) = (0, 0);
            for (at, char) in inner.char_indices().chain([(inner.len(), ',')]) {
                match char {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        let item = inner[from..at].trim();
                        if !item.is_empty() {
                            expand(item, &prefix, each);
                        }
                        from = at + 1;
                    }
                    _ => {}
                }
            }
        }
        None => {
            let name = tree.split(" as ").next().unwrap_or(tree);
            let mut path = prefix.to_vec();
            path.extend(segments(name).filter(|part| part != "self" || prefix.is_empty()));
            each(path);
        }
    }
}

fn segments(path: &str) -> impl Iterator<Item = String> {
    path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect::<Vec<_>>().into_iter()
}

/// Paths in the code itself: `super::x::f(…)`, `crate::room::x`, and `x::f` of a child or of a module in use.
fn paths(code: &str) -> Vec<Vec<String>> {
    let body: String =
        code.lines().filter(|line| !line.trim_start().starts_with("use ")).collect::<Vec<_>>().join("\n");
    let is_path = |char: char| char.is_alphanumeric() || char == '_' || char == ':';
    let words = body.split(|char| !is_path(char)).filter(|word| word.contains("::") && !word.starts_with("::"));
    words.map(|word| segments(word).collect()).collect()
}

/// `None` for what is not ours.
fn absolute(module: &[String], path: &[String], modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" if supers <= module.len() => Some([&module[..module.len() - supers], &path[supers..]].concat()),
        child if modules.contains(&[module, &[child.to_owned()]].concat()) => Some([module, path].concat()),
        _ => None,
    }
}

fn exported(module: &[String], code: &str, modules: &BTreeSet<Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let mut exported = BTreeMap::new();
    for (_, path) in uses(code) {
        if let (Some(absolute), Some(name)) = (absolute(module, &path, modules), path.last()) {
            exported.insert(name.clone(), absolute);
        }
    }
    exported
}

/// The module in which what the path names is written.
fn defined(path: &[String], modules: &BTreeSet<Vec<String>>, exports: &Names, depth: usize) -> Vec<String> {
    let longest = (0..=path.len()).rev().find(|length| modules.contains(&path[..*length])).unwrap_or(0);
    let module = path[..longest].to_vec();
    let exported = path.get(longest).and_then(|name| exports.get(&module)?.get(name));
    match exported {
        Some(target) if depth < 10 && *target != path[..=longest] => defined(target, modules, exports, depth + 1),
        _ => module,
    }
}
