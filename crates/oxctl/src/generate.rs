//! Files for the shell and the manual, out of the description of a command line.

use clap_complete::Shell;

/// What to generate.
#[derive(Debug, Clone, Copy)]
pub enum Generate {
    /// Completions for a shell.
    Completions(Shell),
    /// The manual page.
    Man,
}

impl Generate {
    /// What the words behind `--generate` ask for.
    ///
    /// # Errors
    /// What may stand there, when they ask for nothing that is there.
    pub fn parse(words: &[String]) -> Result<Self, &'static str> {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["man"] => Ok(Self::Man),
            ["completions", shell] if shell.parse::<Shell>().is_ok() => {
                Ok(Self::Completions(shell.parse().expect("BUG: it was parsed just now")))
            }
            _ => Err(
                "--generate takes `man` or `completions` and a shell: bash, zsh, fish, elvish or powershell",
            ),
        }
    }

    /// The text of the file for `command`.
    ///
    /// # Errors
    /// When it cannot be written to memory.
    pub fn text(self, mut command: clap::Command) -> std::io::Result<String> {
        let mut bytes = Vec::new();
        command.build();
        let program = command.get_name().to_owned();
        match self {
            Self::Completions(shell) => clap_complete::generate(shell, &mut command, &program, &mut bytes),
            Self::Man => clap_mangen::Man::new(command.clone()).render(&mut bytes)?,
        }
        let mut text = String::from_utf8(bytes).map_err(std::io::Error::other)?;
        if let Self::Man = self {
            // All is on this one page; the generator refers to one for each sub-command.
            for name in command.get_subcommands().map(clap::Command::get_name) {
                text = text.replace(&format!("{program}\\-{name}(1)"), &format!("{program} {name}"));
            }
        }
        Ok(text)
    }
}
