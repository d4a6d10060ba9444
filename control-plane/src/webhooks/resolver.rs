//! Look-ups whose answers are checked before they are connected to. The client connects to the very addresses that are returned here, so
//! a name that leads elsewhere a moment later (DNS rebinding) changes nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses may be connected to.
pub(super) type Allows = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Where names lead.
pub(super) trait Lookup: Send + Sync + 'static {
    fn look_up(&self, host: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
}

/// The system's resolver.
pub(super) struct SystemLookup;

impl Lookup for SystemLookup {
    fn look_up(&self, host: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
        // The port is the client's business.
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect()) })
    }
}

/// A name or address that leads to nowhere that webhooks may go.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the address is private, local or reserved")]
pub(super) struct AddressRefused;

pub(super) struct GuardedResolver<L> {
    pub(super) lookup: Arc<L>,
    pub(super) allows: Allows,
}

impl<L: Lookup> Resolve for GuardedResolver<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, allows) = (Arc::clone(&self.lookup), Arc::clone(&self.allows));
        Box::pin(async move {
            let host = name.as_str().to_owned();
            // Plain http is for this machine alone, whatever the system says of the name.
            let is_local = host == "localhost";
            let mut found = lookup.look_up(host).await?;
            found.retain(|address| allows(address.ip()) && (!is_local || address.ip().is_loopback()));
            if found.is_empty() {
                return Err(AddressRefused.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
