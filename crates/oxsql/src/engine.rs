//! DataFusion, with the store's tables and our functions in it, within a limit of memory.

use crate::failure::Usage;
use crate::lenient::Lenient;
use crate::mistake::{self, Mistake};
use crate::statement::Query;
use crate::store::Store;
use crate::table::{NamedTables, Tables};
use crate::{number, percentile};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

const CATALOG: &str = "blueox";
const SCHEMA: &str = "public";
/// So many columns of a query may be sought in files of another time.
const SOUGHT_ELSEWHERE: usize = 16;
/// How many consumers of memory an error names.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::MIN;

/// What answers a query.
pub(crate) struct Engine {
    context: SessionContext,
    tables: Arc<Tables>,
    store: Arc<Store>,
    memory: usize,
}

impl Engine {
    /// For one query over a store, with so many bytes for what it has to keep.
    ///
    /// # Errors
    /// When there is no place for temporary files.
    pub(crate) fn new(store: Arc<Store>, query: &Query, memory: usize) -> anyhow::Result<Self> {
        let tables = Arc::new(Tables::new(Arc::clone(&store), query.asked()));
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, SCHEMA)
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(true)
            .with_target_partitions(store.threads);
        let options = config.options_mut();
        options.sql_parser.collect_spans = true;
        options.sql_parser.map_string_types_to_utf8view = false;
        options.execution.time_zone = Some("UTC".to_owned());
        // A part of what there is to sort with is kept for merging; with little memory that must not be all of it.
        options.execution.sort_spill_reservation_bytes =
            options.execution.sort_spill_reservation_bytes.min(memory / (4 * store.threads.max(1)));
        let pool = TrackConsumersPool::new(FairSpillPool::new(memory), NAMED_CONSUMERS);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(
                DiskManagerBuilder::default().with_mode(DiskManagerMode::OsTmpDirectory),
            )
            .build_arc()?;
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(SCHEMA, Arc::new(NamedTables(Arc::clone(&tables))))?;
        let mut builder =
            SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
        builder.expr_planners().get_or_insert_default().insert(0, Arc::new(Lenient));
        let context = SessionContext::new_with_state(builder.build());
        context.register_catalog(CATALOG, Arc::new(catalog));
        context.register_udaf(percentile::aggregate());
        context.register_udf(number::function().as_ref().clone());
        Ok(Self { context, tables, store, memory })
    }

    /// Makes a plan of a query.
    ///
    /// # Errors
    /// [`Usage`], when the query is wrong.
    pub(crate) async fn plan(&self, query: &mut Query) -> anyhow::Result<LogicalPlan> {
        query.with_tables(&|name| self.store.has(name));
        let relations = query.relations();
        for name in relations.tables.difference(&relations.aliases) {
            if !self.store.has(name) {
                return Err(usage(&Mistake::no_table(query, name, self.store.names())));
            }
        }
        let names: Vec<String> =
            relations.tables.iter().filter(|name| self.store.has(name)).cloned().collect();
        let tables: Vec<&str> = names.iter().map(String::as_str).collect();
        for _ in 0..SOUGHT_ELSEWHERE {
            let columns = self.columns(&names).await?;
            let mut query = query.clone();
            let unknown = query.with_columns(&|name| columns.contains(name)).into_iter().next();
            let error = match self.context.state().statement_to_plan(query.statement()).await {
                Ok(plan) => return Ok(plan),
                Err(error) => error,
            };
            let Some(missing) = mistake::missing_column(&error).or(unknown) else {
                return Err(self.failure(&query, error));
            };
            // It may be written with the name of its table, or be a dotted name without quotes.
            let written = query.names_like(&missing);
            let found = tokio::task::block_in_place(|| {
                written.iter().any(|name| self.tables.find_elsewhere(&tables, name))
            });
            if !found {
                return Err(self.no_column(&query, &missing, &names));
            }
        }
        anyhow::bail!("the query asks for too many columns that no event of that time has")
    }

    /// Begins to answer.
    ///
    /// # Errors
    /// [`Usage`], when the query is wrong after all.
    pub(crate) async fn run(
        &self,
        query: &Query,
        plan: LogicalPlan,
    ) -> anyhow::Result<SendableRecordBatchStream> {
        let frame =
            self.context.execute_logical_plan(plan).await.map_err(|error| self.failure(query, error))?;
        frame.execute_stream().await.map_err(|error| self.failure(query, error))
    }

    /// What to say of an error: those of memory and of queries are for people.
    pub(crate) fn failure(&self, query: &Query, error: DataFusionError) -> anyhow::Error {
        if let Some(exhausted) = self.exhausted(&error) {
            return exhausted;
        }
        match Mistake::of_planner(query, &error) {
            Some(mistake) => usage(&mistake),
            None => anyhow::Error::from(error),
        }
    }

    /// What to say of an error while the answer is computed.
    pub(crate) fn failure_of_run(&self, error: &DataFusionError) -> anyhow::Error {
        self.exhausted(error).unwrap_or_else(|| anyhow::anyhow!("{}", error.find_root().strip_backtrace()))
    }

    fn exhausted(&self, error: &DataFusionError) -> Option<anyhow::Error> {
        let DataFusionError::ResourcesExhausted(why) = error.find_root() else { return None };
        let memory = self.memory >> 20;
        Some(anyhow::anyhow!(
            "the answer needs more memory than --memory {memory}MiB, and temporary files do not help here; give it more \
             (--memory {}MiB), or ask for less time or fewer groups\n({})",
            memory * 4,
            why.lines().next().unwrap_or_default()
        ))
    }

    /// All columns of some tables.
    async fn columns(&self, names: &[String]) -> anyhow::Result<BTreeSet<String>> {
        let (tables, names) = (Arc::clone(&self.tables), names.to_vec());
        let columns = tokio::task::spawn_blocking(move || {
            let tables = names.iter().filter_map(|name| tables.get(name));
            tables.flat_map(|table| table.names()).collect()
        });
        Ok(columns.await?)
    }

    fn no_column(&self, query: &Query, missing: &str, names: &[String]) -> anyhow::Error {
        let known: BTreeSet<String> = tokio::task::block_in_place(|| {
            names.iter().flat_map(|name| self.tables.all_columns(name)).collect()
        });
        usage(&Mistake::no_column(query, missing, known.iter().map(String::as_str)))
    }
}

fn usage(mistake: &Mistake) -> anyhow::Error {
    Usage(mistake.to_string()).into()
}
