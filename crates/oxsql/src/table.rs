//! Tables as DataFusion knows them: their columns, and their parts.

use crate::field::{self, Field};
use crate::pushdown::Pushed;
use crate::reading::{Part, Unit, has_columns, needs_of};
use crate::statement::Asked;
use crate::store::Store;
use crate::survey;
use async_trait::async_trait;
use blueox_query::catalog::Kind;
use blueox_query::need::Need;
use blueox_query::sealed::SealedFile;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// All tables of a store.
#[derive(Debug)]
pub(crate) struct Tables {
    store: Arc<Store>,
    asked: Asked,
    /// Those that were asked for.
    made: Mutex<HashMap<String, Arc<Table>>>,
}

impl Tables {
    /// With the columns that a query may ask for.
    pub(crate) fn new(store: Arc<Store>, asked: Asked) -> Self {
        Self { store, asked, made: Mutex::default() }
    }

    /// The table of a name, its columns known.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Table>> {
        if let Some(table) = self.made().get(name) {
            return Some(Arc::clone(table));
        }
        let fields = survey::fields(&self.store, &self.store.types(name)?, &self.asked);
        let table = Arc::new(Table::new(name, fields, Arc::clone(&self.store)));
        self.made().insert(name.to_owned(), Arc::clone(&table));
        Some(table)
    }

    /// Looks for a column among files of another time. `true`: a table has it now.
    pub(crate) fn find_elsewhere(&self, tables: &[&str], column: &str) -> bool {
        let mut any = false;
        for name in tables {
            let Some(table) = self.get(name) else { continue };
            if table.fields.iter().any(|field| field.name == column) {
                continue;
            }
            if let Some(field) = survey::field_elsewhere(&self.store, name, column) {
                let fields = table.fields.iter().cloned().chain([field]).collect();
                let table = Arc::new(Table::new(name, fields, Arc::clone(&self.store)));
                self.made().insert((*name).to_owned(), table);
                any = true;
            }
        }
        any
    }

    /// The names of all columns that a table has, whether asked for or not.
    pub(crate) fn all_columns(&self, name: &str) -> Vec<String> {
        let types = self.store.types(name).unwrap_or_default();
        survey::fields(&self.store, &types, &Asked::All).into_iter().map(|field| field.name).collect()
    }

    fn made(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Table>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tables under one name each as `SHOW TABLES` lists them, and under any name as queries ask for them.
#[derive(Debug)]
pub(crate) struct NamedTables(pub(crate) Arc<Tables>);

#[async_trait]
impl SchemaProvider for NamedTables {
    fn table_names(&self) -> Vec<String> {
        self.0.store.main_names().map(str::to_owned).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let (tables, name) = (Arc::clone(&self.0), name.to_owned());
        // It may take long: meanwhile progress is shown, and Ctrl-C heard.
        let table = tokio::task::spawn_blocking(move || tables.get(&name)).await;
        let table = table.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?;
        Ok(table.map(|table| table as Arc<dyn TableProvider>))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.store.has(name)
    }
}

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    name: String,
    pub(crate) fields: Vec<Field>,
    schema: SchemaRef,
    store: Arc<Store>,
}

impl Table {
    fn new(name: &str, fields: Vec<Field>, store: Arc<Store>) -> Self {
        Self { name: name.to_owned(), schema: field::schema(&fields), fields, store }
    }

    /// The names of its columns.
    pub(crate) fn names(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.name.clone()).collect()
    }

    /// What is to be read, the largest first.
    fn units(&self, fields: &[Field], pushed: &Pushed, need: &Need) -> Vec<Unit> {
        let mut units = Vec::new();
        let types = self.store.types(&self.name).unwrap_or_default();
        for (_, found) in types.into_iter().filter(|(name, _)| pushed.is_type(name)) {
            for file in &found.files {
                let (type_name, file, bytes) = (found.bytes.clone(), file.clone(), file.bytes);
                if file.kind != Kind::Sealed || need.id.is_some() {
                    units.push(Unit { type_name, file, groups: None, bytes });
                    continue;
                }
                match SealedFile::open(&file.path) {
                    Ok(sealed) if !has_columns(&sealed, &type_name, fields, self.store.span) => {
                        units.push(Unit { type_name, file, groups: None, bytes });
                    }
                    Ok(sealed) => {
                        let bytes = bytes / sealed.groups().max(1) as u64;
                        units.extend(sealed.groups_needed(need).into_iter().map(|group| Unit {
                            type_name: type_name.clone(),
                            file: file.clone(),
                            groups: Some(vec![group]),
                            bytes,
                        }));
                    }
                    Err(error) => self.store.heard.damaged(error.to_string()),
                }
            }
        }
        units.sort_by_key(|unit| Reverse(unit.bytes));
        units
    }
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushed = |filter: &&Expr| {
            if Pushed::of([*filter]).is_empty() {
                TableProviderFilterPushDown::Unsupported
            } else {
                TableProviderFilterPushDown::Inexact
            }
        };
        Ok(filters.iter().map(pushed).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let fields: Vec<Field> = match projection {
            Some(indices) => indices.iter().map(|at| self.fields[*at].clone()).collect(),
            None => self.fields.clone(),
        };
        let schema = field::schema(&fields);
        let pushed = Pushed::of(filters);
        let need = needs_of(self.store.span, pushed.need());
        let mut parts: Vec<(u64, Vec<Unit>)> = Vec::new();
        parts.resize_with(state.config().target_partitions().max(1), Default::default);
        for unit in self.units(&fields, &pushed, &need) {
            let least = parts.iter_mut().min_by_key(|(bytes, _)| *bytes).expect("BUG: there is at least one");
            least.0 += unit.bytes.max(1);
            least.1.push(unit);
        }
        let parts = parts.into_iter().enumerate().filter(|(at, (_, units))| *at == 0 || !units.is_empty());
        let parts = parts.map(|(_, (_, units))| -> Arc<dyn PartitionStream> {
            Arc::new(Part {
                schema: Arc::clone(&schema),
                fields: fields.clone(),
                units,
                need: need.clone(),
                store: Arc::clone(&self.store),
            })
        });
        Ok(Arc::new(StreamingTableExec::try_new(schema.clone(), parts.collect(), None, [], false, limit)?))
    }
}
