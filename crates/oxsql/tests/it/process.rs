//! Pipes, signals, memory, and forms that are no text.

use crate::sample;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::ipc::reader::StreamReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;

/// More rows than anyone waits for.
const ENDLESS: &str =
    "SELECT value, 'some text that fills a pipe' AS text FROM generate_series(1, 1000000000000)";

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let dir = sample::directory();
    let mut command = sample::program(dir.path());
    command.args(["-l", "logs", "-o", "csv", ENDLESS]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "value,text");
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_pipe_that_is_closed_before_there_is_an_answer_ends_it_too() {
    let dir = sample::directory();
    let mut command = sample::program(dir.path());
    let query = "SELECT sum(a.value) FROM generate_series(1, 1000000000000) a";
    command.args(["-l", "logs", query]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn ctrl_c_stops_it_and_it_says_so() {
    let dir = sample::directory();
    let mut command = sample::program(dir.path());
    command.args(["-l", "logs", "-o", "csv", ENDLESS]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    // It has begun.
    output.read_exact(&mut [0; 10]).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    std::io::copy(&mut output, &mut std::io::sink()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = "oxsql: interrupted: the answer is not complete\n";
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), said));
}

#[test]
fn what_does_not_fit_into_memory_is_sorted_on_disk_or_stopped() {
    let dir = sample::directory();
    let asked = |query: &str| {
        let arguments = ["-l", "logs", "-o", "csv", "--threads", "2", "--memory", "16MiB", query];
        let output = sample::program(dir.path()).env("TMPDIR", dir.path()).args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let sorted = "SELECT count(*) AS n FROM (SELECT value, row_number() OVER (ORDER BY -value) AS nth \
                  FROM generate_series(1, 1200000)) AS s WHERE nth + value = 1200001";
    assert_eq!(asked(sorted), (Some(0), "n\n1200000\n".to_owned(), String::new()));
    let joined = "SELECT count(*) FROM generate_series(1, 1500000) a \
                  JOIN generate_series(1, 1500000) b ON a.value * 3 = b.value * 3";
    let (code, _, errors) = asked(joined);
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.starts_with("oxsql: the answer needs more memory than --memory 16MiB"), "{errors}");
    // Nothing is left behind.
    let left =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name.contains("datafusion")).collect();
    assert!(left.is_empty(), "{left:?}");
}

fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let table = datafusion::arrow::util::pretty::pretty_format_batches(batches).unwrap().to_string();
    table.lines().map(str::to_owned).collect()
}

#[test]
fn parquet_and_arrow_are_read_back() {
    let dir = sample::directory();
    let query = "SELECT id, response.status, duration, time FROM request ORDER BY time";
    let asked = |form: &str, query: &str| {
        let output = sample::program(dir.path()).args(["-l", "logs", "-o", form, query]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let parquet = |query: &str| -> Vec<RecordBatch> {
        let path = dir.path().join("answer.parquet");
        File::create(&path).unwrap().write_all(&asked("parquet", query)).unwrap();
        let file = File::open(&path).unwrap();
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap).collect()
    };
    let arrow: Vec<RecordBatch> =
        StreamReader::try_new(&asked("arrow", query)[..], None).unwrap().map(Result::unwrap).collect();
    let found = rows(&parquet(query));
    assert_eq!(found, rows(&arrow));
    assert_eq!(found.len(), 10, "six rows, and a frame of four lines: {found:?}");
    assert!(found[3].contains("first-1") && found[3].contains("200"), "{found:?}");
    // No row is an answer too.
    let nothing = parquet("SELECT id FROM request WHERE id = 'nobody'");
    assert_eq!(nothing.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
}

#[test]
fn completions_and_the_manual_are_written() {
    for what in [&["man"][..], &["completions", "bash"]] {
        let output = sample::program(Path::new("/")).arg("--generate").args(what).output().unwrap();
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("oxsql"));
    }
}
