/// Lays JSON out over lines, without touching order, numbers or escapes. Anything else than JSON comes out garbled, but whole.
pub(in crate::cli) fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut letters = text.chars().filter(InJson::default().keep()).peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        if quoted {
            out.push(letter);
            match letter {
                '\\' => out.extend(letters.next()),
                '"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match letter {
            '"' => {
                quoted = true;
                out.push(letter);
            }
            '{' | '[' => {
                out.push(letter);
                let end = if letter == '{' { '}' } else { ']' };
                if letters.peek() == Some(&end) {
                    out.extend(letters.next());
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
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

/// Where in JSON a letter stands, to tell blanks that mean something from those that do not.
#[derive(Default)]
struct InJson {
    quoted: bool,
    escaped: bool,
}

impl InJson {
    fn keep(mut self) -> impl FnMut(&char) -> bool {
        move |letter| {
            if self.quoted {
                let ends = *letter == '"' && !self.escaped;
                self.escaped = *letter == '\\' && !self.escaped;
                self.quoted = !ends;
                return true;
            }
            self.quoted = *letter == '"';
            !letter.is_whitespace()
        }
    }
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
