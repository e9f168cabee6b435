//! The parameters of a request, each of which has to be asked for: one that nobody knows is a mistake.

use super::limits::PARAMETERS;
use super::refusal::Refusal;
use axum::http::StatusCode;

/// What stands behind the question mark.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Parameters {
    /// Splits `query` at its ampersands. A parameter without a value counts as not given.
    ///
    /// # Errors
    /// When there are too many.
    pub(crate) fn parse(query: &str) -> Result<Self, Refusal> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .take(PARAMETERS + 1)
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if pairs.len() > PARAMETERS {
            let error = format!("a request has at most {PARAMETERS} parameters");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, error));
        }
        Ok(Self { pairs, known: Vec::new() })
    }

    /// All values of a parameter.
    pub(crate) fn all(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        self.pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
    }

    /// The value of a parameter that may be given once.
    ///
    /// # Errors
    /// When it is given more often.
    pub(crate) fn one(&mut self, name: &'static str) -> Result<Option<String>, Refusal> {
        let mut values = self.all(name);
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(Refusal::parameter(name, format!("{name} may be given once"))),
        }
    }

    /// A whole number from 1 on.
    ///
    /// # Errors
    /// When it is none, or beyond the limit.
    pub(crate) fn count(
        &mut self,
        name: &'static str,
        (default, most): (usize, usize),
    ) -> Result<usize, Refusal> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        match text.parse() {
            Ok(count) if (1..=most).contains(&count) => Ok(count),
            _ => Err(Refusal::parameter(
                name,
                format!("{name} is {text:?}; it must be a number from 1 to {most}"),
            )),
        }
    }

    /// Any number.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn number(&mut self, name: &'static str) -> Result<Option<f64>, Refusal> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(Refusal::parameter(name, format!("{name} is {text:?}; it must be a number"))),
        }
    }

    /// All has been asked for.
    ///
    /// # Errors
    /// When there are parameters that nobody asked for.
    pub(crate) fn finish(&self) -> Result<(), Refusal> {
        let Some((name, _)) = self.pairs.iter().find(|(name, _)| !self.known.contains(&name.as_str())) else {
            return Ok(());
        };
        let near = self.known.iter().max_by_key(|known| (strsim::jaro_winkler(known, name) * 1e3) as u32);
        let near = near.filter(|known| strsim::jaro_winkler(known, name) > 0.8);
        let refusal = Refusal::parameter(
            name,
            match near {
                Some(near) => format!("there is no parameter {name:?} here; did you mean {near}?"),
                None => format!("there is no parameter {name:?} here; there are {}", self.known.join(", ")),
            },
        );
        Err(match near {
            Some(near) => refusal.with("suggestion", *near),
            None => refusal,
        })
    }

    /// The same for the same parameters, whatever their order.
    pub(crate) fn canonical(&self) -> String {
        let mut pairs: Vec<String> =
            self.pairs.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        pairs.sort();
        pairs.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asks_for_is_refused() {
        let mut parameters = Parameters::parse("type=a&type=b&colums=7&empty=").unwrap();
        assert_eq!(parameters.all("type"), ["a", "b"]);
        assert!(parameters.one("type").is_err());
        assert_eq!(parameters.count("columns", (60, 200)).unwrap(), 60);
        assert!(format!("{:?}", parameters.finish().unwrap_err()).contains("did you mean columns?"));
        assert_eq!(parameters.count("colums", (60, 200)).unwrap(), 7);
        parameters.finish().unwrap();
    }

    #[test]
    fn numbers_are_within_their_limits() {
        for text in ["0", "201", "-1", "1.5", "1e1", "x"] {
            let mut parameters = Parameters::parse(&format!("n={text}")).unwrap();
            assert!(parameters.count("n", (60, 200)).is_err(), "{text}");
        }
        assert!(Parameters::parse("n=NaN").unwrap().number("n").is_err());
        assert!(Parameters::parse(&"a=1&".repeat(65)).is_err());
        assert_eq!(
            Parameters::parse("b=1&a=2").unwrap().canonical(),
            Parameters::parse("a=2&b=1").unwrap().canonical()
        );
    }
}
