//! What a frame costs. Not a test:
//! `cargo test --release -p blueox-event native::tests::speed -- --ignored --nocapture`.

use super::*;
use std::hint::black_box;

/// The fastest of seven rounds, for one call. The only use of the clock here.
#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn nanoseconds(repeat: u32, mut what: impl FnMut()) -> f64 {
    let mut fastest = f64::INFINITY;
    for _ in 0..7 {
        let start = std::time::Instant::now();
        (0..repeat).for_each(|_| what());
        fastest = fastest.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(repeat));
    }
    fastest
}

/// Columns: a plain copy and the checksum of the payload, for comparison; sending the head alone and with the
/// payload, and reading a whole frame with its checksum. Sending includes reading the ACK, reading includes
/// writing it.
#[test]
#[ignore = "prints times; to be run in release"]
fn what_a_frame_costs() {
    println!("   payload      copy  checksum send_head      send   receive   (ns)");
    for size in [300, 4 << 10, 256 << 10, 4 << 20] {
        let repeat = ((100 << 20) / (size + 5000)) as u32;
        let payload = vec![0x80u8; size];
        let template = Batch::plain(Seq::new(1), 1, &payload).unwrap();
        let mut copied = Vec::with_capacity(size);
        let copy = nanoseconds(repeat, || {
            copied.clear();
            copied.extend_from_slice(black_box(&payload));
        });
        let checksum = nanoseconds(repeat, || {
            black_box(PayloadCrc::of(black_box(&payload)));
        });
        let (mut sender, _) = met(0, 0, 0, 1 << 20);
        let mut ack = Vec::new();
        let mut send = |with_payload: bool| {
            let batch = Batch { seq: sender.number(), ..template };
            let sent = if with_payload { sender.send(&batch) } else { sender.send_head(&batch) };
            sent.unwrap();
            black_box(sender.output()).clear();
            ack.clear();
            mark::write_ack(&mut ack, batch.seq, ByteCount(1 << 20));
            assert!(sender.advance(black_box(&ack), NOW).unwrap().item.is_some());
        };
        let send_head = nanoseconds(repeat, || send(false));
        let send = nanoseconds(repeat, || send(true));

        let (_, mut receiver) = met(0, 0, 0, 1 << 20);
        let (mut head, mut frame, mut seq) = (Vec::new(), Vec::new(), Seq::NONE);
        template.write_head(&mut frame);
        frame.extend_from_slice(&payload);
        let receive = nanoseconds(repeat, || {
            seq = seq.next();
            head.clear();
            Batch { seq, ..template }.write_head(&mut head);
            frame[..head.len()].copy_from_slice(&head);
            assert!(receiver.advance(black_box(&frame)).unwrap().item.is_some());
            receiver.durable(seq).unwrap();
            black_box(receiver.output()).clear();
        });
        println!("{size:>10} {copy:>9.0} {checksum:>9.0} {send_head:>9.0} {send:>9.0} {receive:>9.0}");
    }
}
