/// Lays JSON out over lines, without touching order, numbers or escapes. Anything else than JSON comes out garbled, but whole.
pub(in crate::cli) fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted => {
                out.push(letter);
                out.extend(letters.next());
            }
            '"' => {
                quoted = !quoted;
                out.push(letter);
            }
            _ if quoted => out.push(letter),
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(|next| next.is_whitespace()).is_some() {}
                match letters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if letter.is_whitespace() => {}
            _ => out.push(letter),
        }
    }
    out.push('\n');
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_with_order_numbers_and_escapes_as_they_came() {
        let text = r#"{"b":[1.0,{"x":"a \"b\" \\"}],"a":{}, "c" : [ ],"d":"[1, 2]"}"#;
        let wanted = r#"{
  "b": [
    1.0,
    {
      "x": "a \"b\" \\"
    }
  ],
  "a": {},
  "c": [],
  "d": "[1, 2]"
}
"#;
        assert_eq!(pretty(text), wanted);
        assert_eq!(pretty(wanted), wanted);
    }
}
