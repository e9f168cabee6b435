//! One question to one daemon.

use crate::arguments::{Arguments, Command};
use crate::output::Answer;
use crate::paint::Paint;
use crate::{audit, forward, fsck, health, json, queue, seen, shutdown, status, top};
use blueox_control::{Client, ControlAddress, DaemonKind, Timeouts, Token};

/// Does what the command line says.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    if let Some(what) = arguments.generate()? {
        return Ok(Answer::good(what.text(Arguments::command_line())?));
    }
    let (paint, raw) = (Paint::new(arguments.color), arguments.raw);
    if let Command::Fsck { repair, directories } = arguments.command() {
        return fsck::check(&directories, repair, raw, paint);
    }
    let token = arguments.token_file.as_deref().map(Token::read).transpose()?;
    let connect_to = |address: &ControlAddress| -> Result<Client, blueox_control::ClientError> {
        let client = Client::connect(address, Timeouts::default())?;
        if arguments.verbose > 0 {
            eprintln!("connected to {address}: {}", describe(&client.kind()));
        }
        Ok(match &token {
            Some(token) => client.with_token(token.clone()),
            None => client,
        })
    };
    if let Command::Audit { log_path } = arguments.command() {
        let addresses = arguments.addresses(&log_path)?;
        return audit::show(&addresses, &log_path, connect_to, raw, paint);
    }
    if let Command::Top = arguments.command() {
        return top::show(&arguments.addresses(&[])?, connect_to, paint);
    }
    let address = arguments.address()?;
    let connect = || connect_to(&address);
    match arguments.command() {
        Command::Fsck { .. } => unreachable!("BUG: it needs no daemon and was answered above"),
        Command::Status if raw => Ok(Answer::good(json::text(&connect()?.status_json()?))),
        Command::Status => status::show(&connect()?, paint),
        Command::Types => seen::show(&connect()?, seen::Kind::Types, raw, paint),
        Command::Hosts => seen::show(&connect()?, seen::Kind::Hosts, raw, paint),
        Command::Queue => queue::show(&connect()?, raw, paint),
        Command::Forward { list, command } => match command.change(list) {
            None => forward::show(&connect()?, raw, paint),
            Some(change) => forward::change(&connect()?, &change, raw, paint),
        },
        Command::Health => Ok(health::show(connect(), raw, paint)),
        Command::Audit { .. } | Command::Top => unreachable!("BUG: answered above"),
        Command::Shutdown { drain } => shutdown::shut_down(&connect()?, drain, raw),
    }
}

/// Which daemon it is, in words.
pub(crate) fn describe(kind: &DaemonKind) -> String {
    match kind {
        DaemonKind::BlueOx(version) => format!("oxd {} (HTTP)", blueox_control::printable(version)),
        DaemonKind::Original => "original oxd (ZMTP)".into(),
    }
}
