//! `command`: the program of a service and its arguments, with the placeholders in them.

use toml::Spanned;
use toml::de::DeValue;

use crate::config::typo::nearest;
use crate::config::written::Table;

const KEY: &str = "command";
const EXPECTED: &str = "the program and its arguments, like [\"/usr/bin/shopd\", \"--port\", \"{port}\"]";
const PLACEHOLDERS: [&str; 3] = ["port", "address", "accordion"];

/// The command, if every part of it is sound.
pub(super) fn checked(table: &mut Table<'_>) -> Option<Vec<String>> {
    let Some(written) = table.value(KEY) else {
        table.must_have(KEY, EXPECTED.to_owned());
        return None;
    };
    let Some(array) = written.get_ref().as_array().filter(|array| !array.is_empty()) else {
        table.wrong(KEY, written, EXPECTED);
        return None;
    };
    let parts: Vec<Option<&str>> = array.iter().map(|part| checked_part(table, part)).collect();
    if parts.first().is_some_and(|program| program.is_some_and(|program| program.trim().is_empty())) {
        table
            .report()
            .fault(array[0].span().start, "the program of command is empty, must be its name or path");
    }
    let command: Vec<String> =
        parts.into_iter().map(|part| part.map(str::to_owned)).collect::<Option<_>>()?;
    if !has(&command, "{port}") {
        let excerpt = table.report().excerpt(written.span());
        let fault = format!("{} = {excerpt}, must contain {{port}}, where it is to listen", table.name(KEY));
        table.report().fault(written.span().start, fault);
    }
    Some(command)
}

/// Whether the placeholder stands in the command. Behind a dollar sign it is a variable of the command's own.
pub(super) fn has(command: &[String], placeholder: &str) -> bool {
    command.iter().any(|part| part.split("${").any(|piece| piece.contains(placeholder)))
}

fn checked_part<'a>(table: &Table<'_>, part: &'a Spanned<DeValue<'_>>) -> Option<&'a str> {
    let Some(text) = part.get_ref().as_str().filter(|text| !text.contains('\0')) else {
        table.wrong(KEY, part, "text in quotes, without a NUL byte");
        return None;
    };
    for word in placeholders(text).filter(|word| !PLACEHOLDERS.contains(word)) {
        if let Some(near) = nearest(&word.to_ascii_lowercase(), &PLACEHOLDERS) {
            let fault = format!("unknown placeholder {{{word}}} in command, did you mean {{{near}}}?");
            table.report().fault(part.span().start, fault);
        }
    }
    Some(text)
}

/// Every word in `{word}` that may be meant for us. Other braces are the command's own, and so is
/// `${word}`; a word that is unlike any placeholder is passed on as well.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter(|(start, _)| !text[..*start].ends_with('$')).filter_map(|(start, _)| {
        let word = text[start + 1..].find('}').map(|length| &text[start + 1..start + 1 + length])?;
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let is_word =
            word.starts_with(|first: char| first.is_ascii_alphabetic()) && word.bytes().all(letters);
        is_word.then_some(word)
    })
}
