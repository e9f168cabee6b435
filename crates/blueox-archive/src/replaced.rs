//! Objects of small sealed files that became one: when that one is in the store, they go there too.

use crate::ArchiveError;
use crate::local::LocalFile;
use crate::objects::Objects;
use crate::remote::RemoteObject;
use blueox_query::sealed::SealedFile;
use std::path::Path;
use std::sync::Arc;

/// Removes the objects that a sealed file has taken the place of. The store has that file, as was found just now. What only
/// has the name of such an object, and other events in it, stays.
///
/// # Errors
/// Those of the store, and when the file cannot be read.
pub fn remove_replaced(objects: &Arc<dyn Objects>, file: &LocalFile) -> Result<Vec<String>, ArchiveError> {
    let sealed = SealedFile::open(&file.path)?;
    let (above, _) = file.name.rsplit_once('/').unwrap_or_default();
    let mut removed = Vec::new();
    for name in sealed.replaces() {
        let name = format!("{above}/{name}");
        let Some(object) = objects.look_at(&name)? else { continue };
        let url = objects.url().at(&name);
        let remote = Arc::new(RemoteObject::new(Arc::clone(objects), object, None));
        // What cannot be read is left to who looks after it.
        let Ok(old) = SealedFile::open_ranged(Path::new(&url), remote) else { continue };
        if sealed.has_replaced(&old) {
            objects.remove(&name)?;
            removed.push(name);
        }
    }
    Ok(removed)
}
