//! The configuration reference, rendered from the annotated file.

/// The annotated file as Markdown: a heading a section, an entry a setting.
pub(crate) fn markdown(annotated: &str) -> String {
    let mut page = String::from("# stele.toml\n");
    let mut remark = Vec::new();
    for line in annotated.lines() {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            page.push_str(&format!("\n## `[{section}]`\n\n{}\n", take(&mut remark)));
        } else if let Some(text) = line.strip_prefix("# ") {
            remark.push(text);
        } else if line == "#" {
            remark.push("\n\n");
        } else if let Some((name, value)) = line.split_once(" = ") {
            let (name, default) = match name.strip_prefix('#') {
                Some(name) => (name, format!("no default; for example `{value}`")),
                None => (name, format!("default `{value}`")),
            };
            page.push_str(&format!("\n**`{name}`**, {default}  \n{}\n", take(&mut remark)));
        } else if !remark.is_empty() {
            page.push_str(&format!("\n{}\n", take(&mut remark)));
        }
    }
    page
}

fn take(remark: &mut Vec<&str>) -> String {
    let text = remark.join(" ").replace(" \n\n ", "\n\n");
    remark.clear();
    text
}
