//! Questions are worked on by threads of their own: few at once, for a bounded time, and only while somebody waits for
//! the answer.

use super::limits::{QUESTION_TIME, QUESTIONS, WAITING_QUESTIONS, WAITING_TIME};
use super::refusal::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Who may work.
#[derive(Debug)]
pub(crate) struct Work {
    /// Those at work and those who wait.
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    patience: Duration,
    /// How many questions were ended because nobody waited any more.
    abandoned: Arc<AtomicU64>,
}

/// Stops the work when the one who waits for it has gone.
struct Waiting {
    stop: Arc<AtomicBool>,
    answered: bool,
    abandoned: Arc<AtomicU64>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if !self.answered {
            self.abandoned.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Work {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(QUESTIONS + WAITING_QUESTIONS)),
            turns: Arc::new(Semaphore::new(QUESTIONS)),
            patience: QUESTION_TIME,
            abandoned: Arc::default(),
        }
    }

    /// How many questions were ended because nobody waited any more.
    pub(crate) fn abandoned(&self) -> u64 {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// How many questions are worked on now.
    pub(crate) fn busy(&self) -> usize {
        QUESTIONS - self.turns.available_permits()
    }

    /// Runs `job`, which looks at its flag now and then. The `bool` says whether it ran out of time.
    ///
    /// # Errors
    /// When there is too much to do.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&AtomicBool) -> T + Send + 'static,
    ) -> Result<(T, bool), Refusal> {
        let busy = || Refusal::busy("too many questions at once; ask again in a second");
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let turn = tokio::time::timeout(WAITING_TIME, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| busy())?.map_err(Refusal::internal)?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut waiting =
            Waiting { stop: Arc::clone(&stop), answered: false, abandoned: Arc::clone(&self.abandoned) };
        let mut working = tokio::task::spawn_blocking(move || {
            // Whoever has gone is at work until his thread is.
            let _held = (place, turn);
            job(&stop)
        });
        let mut late = false;
        let done = tokio::select! {
            done = &mut working => done,
            () = tokio::time::sleep(self.patience) => {
                late = true;
                waiting.stop.store(true, Ordering::Relaxed);
                working.await
            }
        };
        waiting.answered = true;
        Ok((done.map_err(Refusal::internal)?, late))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until_stopped(stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    #[test]
    fn work_ends_when_nobody_waits_for_it() {
        let work = Work::new();
        runtime().block_on(async {
            let gone = tokio::time::timeout(Duration::from_millis(20), work.run(until_stopped)).await;
            assert!(gone.is_err());
            // All have their turn again.
            let turns = work.turns.acquire_many(QUESTIONS as u32).await.unwrap();
            drop(turns);
            assert_eq!((work.busy(), work.abandoned()), (0, 1));
            assert_eq!(work.run(|_| 7).await.unwrap(), (7, false));
            assert_eq!(work.abandoned(), 1);
        });
    }

    #[test]
    fn work_that_takes_too_long_is_ended_and_says_so() {
        let work = Work { patience: Duration::from_millis(20), ..Work::new() };
        let ended = runtime().block_on(work.run(until_stopped)).unwrap();
        assert_eq!(ended, ((), true));
    }

    #[test]
    fn there_is_a_limit_to_those_who_wait() {
        let work = Work::new();
        runtime().block_on(async {
            let mut waiting: Vec<_> =
                (0..QUESTIONS + WAITING_QUESTIONS).map(|_| Box::pin(work.run(until_stopped))).collect();
            for one in &mut waiting {
                assert!(tokio::time::timeout(Duration::from_millis(1), one).await.is_err());
            }
            assert!(work.run(|_| ()).await.is_err());
            drop(waiting);
            let _ = work.turns.acquire_many(QUESTIONS as u32).await.unwrap();
            assert!(work.run(|_| ()).await.is_ok());
        });
    }
}
