//! The route table, and the service made of it.

mod landing;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use ledger::Ledger;
use tokio::sync::Semaphore;

use crate::evidence::{EvidenceSettings, Producers};
use crate::layers::{self, Guards};
use crate::limits::Limits;
use crate::metrics::HttpMetrics;
use crate::public_url::PublicUrl;
use crate::reading::ReadSettings;
use crate::routes::pages::PagePlaces;
use crate::routes::tiles::TileCache;
use crate::routes::{
    batch, ccf, checkpoint, consistency, events, evidence, health, keys, openapi, pages, policy, proofs,
    register, rekor, resolve, search, statements, summary, tiles, trace,
};

use Door::{Binary, Cose, Json, Probe, Scitt, Text};

pub(crate) use landing::landing;

/// What kind of door a route is: it fixes how failures are told and which bounds apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// A SCRAPI resource: concise problem details whatever Accept says (SCR-01).
    Scitt,
    /// A resource of ours in COSE or CBOR.
    Cose,
    /// A resource of ours in plain text.
    Text,
    /// A resource of ours in bytes that have no media type of their own.
    Binary,
    /// A resource of ours in JSON.
    Json,
    /// JSON too, and answered however busy the service is.
    Probe,
    /// No route at all.
    Unknown,
}

/// One line of the table.
pub(crate) struct Route {
    /// The path as axum writes it.
    pub(crate) path: &'static str,
    /// What kind of door it is.
    pub(crate) door: Door,
    /// One line for people.
    pub(crate) summary: &'static str,
    handlers: fn() -> MethodRouter<App>,
}

/// Every route of the service.
pub(crate) static ROUTES: &[Route] = &[
    at("/", Json, "this page", || get(landing)),
    // SCRAPI
    at("/.well-known/scitt-keys", Scitt, "the keys receipts are signed with", || get(keys::all)),
    at("/.well-known/scitt-keys/{kid}", Scitt, "one key, by its kid in base64url", || get(keys::one)),
    at("/entries", Scitt, "POST a signed statement, get its receipt", || post(register::register)),
    at("/entries/{entry_id}", Scitt, "a fresh receipt", || get(resolve::receipt)),
    // Ours
    at("/entries/batch", Cose, "POST many statements, get their receipts", || post(batch::register)),
    at("/evidence", Json, "POST records in JSON that nobody signed", || post(evidence::register)),
    at("/events", Json, "POST CloudEvents of AIGP and Agent Evidence", || post(events::register)),
    at("/statements", Cose, "?from=&to= entries in bulk, for auditors", || get(pages::page)),
    at("/statements/{entry_id}", Cose, "the statement as registered", || get(statements::statement)),
    at("/statements/{entry_id}/transparent", Cose, "with its receipt", || get(statements::transparent)),
    at("/statements/{entry_id}/collateral", Cose, "why it was admitted", || get(statements::collateral)),
    at("/search", Json, "?<term>=… entries by their index terms", || get(search::search)),
    at("/search/terms", Json, "what can be asked for", || get(search::terms)),
    at("/search/agent-trace/lines", Json, "?revision=&path=&line= who wrote it", || get(search::lines)),
    at("/reports/aigp/{entry_id}", Json, "an AIGP event in AIGP's report format", || get(summary::aigp)),
    at("/trace/{locator}", Json, "a TRACE record by what `transparency` names", || get(trace::located)),
    at("/trace/anchors/{entry_id}", Json, "its registry entry and proof", || get(trace::anchor)),
    at("/policy", Json, "registration policy and trust anchors in force", || get(policy::policy)),
    at("/checkpoint", Text, "the signed head of the log", || get(checkpoint::checkpoint)),
    at("/tile/{level}/{*place}", Binary, "a tile of the tree (C2SP tlog-tiles)", || get(tiles::tile)),
    at("/tile/entries/{*place}", Binary, "a bundle of entries", || get(tiles::entries)),
    at("/consistency", Cose, "?from=&to= proof that the log only grew", || get(consistency::consistency)),
    at("/entries/{entry_id}/tlog-proof", Text, "its path and the newest checkpoint", || {
        get(proofs::tlog_proof)
    }),
    at("/proofs/inclusion", Json, "?entry=&size= its path in an older tree", || get(proofs::inclusion)),
    // For the client of another service
    at("/compat/ccf/entries", Scitt, "the same as pyscitt asks for it", || post(ccf::register)),
    at("/compat/ccf/entries/txIds", Scitt, "?from=&to= transaction ids", || get(ccf::ids)),
    at("/compat/ccf/entries/{transaction}", Scitt, "a fresh receipt", || get(ccf::resolve)),
    at("/compat/ccf/entries/{transaction}/statement", Scitt, "with its receipt", || get(ccf::statement)),
    at("/compat/ccf/operations/{transaction}", Scitt, "what became of it", || get(ccf::operation)),
    at("/compat/ccf/.well-known/scitt-keys", Scitt, "the keys of receipts", || get(keys::all)),
    at("/compat/ccf/.well-known/scitt-keys/{kid}", Scitt, "one of them", || get(keys::one)),
    at("/compat/ccf/.well-known/transparency-configuration", Scitt, "where keys are as JWKs", || {
        get(ccf::configuration)
    }),
    at("/compat/ccf/jwks", Scitt, "the keys of receipts as JWKs", || get(ccf::jwks)),
    at("/compat/ccf/version", Scitt, "of the program", || get(ccf::version)),
    at("/compat/rekor/api/v1/log/entries", Json, "POST a hashedrekord", || post(rekor::register)),
    at("/compat/rekor/api/v1/log/entries/{entry_id}", Json, "one, by its uuid", || get(rekor::entry)),
    at("/healthz", Probe, "whether the process answers", || get(health::alive)),
    at("/readyz", Probe, "whether it registers and publishes", || get(health::ready)),
    at("/openapi.json", Json, "all of this for machines", || get(openapi::document)),
];

const fn at(
    path: &'static str,
    door: Door,
    summary: &'static str,
    handlers: fn() -> MethodRouter<App>,
) -> Route {
    Route { path, door, summary, handlers }
}

impl Route {
    /// The line with this path.
    pub(crate) fn find(path: &str) -> Option<&'static Self> {
        ROUTES.iter().find(|route| route.path == path)
    }

    /// The path for people and for OpenAPI, which does not tell a name that holds slashes from one that holds none.
    fn shown(&self) -> String {
        self.path.replace("{*", "{")
    }
}

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) ledger: Ledger,
    pub(crate) guards: Guards,
    pub(crate) public_url: Arc<PublicUrl>,
    pub(crate) tiles: Arc<TileCache>,
    pub(crate) page_places: Arc<PagePlaces>,
    /// Places for searches.
    pub(crate) searches: Arc<Semaphore>,
    pub(crate) read: Arc<ReadSettings>,
    pub(crate) producers: Arc<Producers>,
    /// Places for streams of records.
    pub(crate) streams: Arc<Semaphore>,
}

/// The service: SCRAPI and the doors of ours over `ledger`, bounded by `limits`, read as `read` says, written to by
/// those whom `evidence` names and by whoever signs, counted in `metrics`.
///
/// `public_url` is the base of every Location. Serve it with
/// `into_make_service_with_connect_info::<std::net::SocketAddr>()`: without the peer's address every client
/// shares one rate. There is no CORS: a browser page of another origin cannot read answers. The router spawns
/// nothing; dropping it and every request drops its handle of the ledger.
pub fn router(
    ledger: Ledger,
    limits: Limits,
    read: ReadSettings,
    evidence: EvidenceSettings,
    public_url: PublicUrl,
    metrics: HttpMetrics,
) -> Router {
    let guards = Guards::new(limits, metrics);
    let tiles = Arc::new(TileCache::new(read.tile_cache_mib.saturating_mul(1 << 20)));
    let page_places = Arc::new(PagePlaces::new(read.pages_in_flight));
    let places = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
    let (searches, streams) = (places(read.searches_in_flight), places(evidence.streams));
    let (public_url, read) = (Arc::new(public_url), Arc::new(read));
    let producers = Arc::new(Producers::new(evidence));
    let guarded = guards.clone();
    let app = App { ledger, guards, public_url, tiles, page_places, searches, read, producers, streams };
    let routes =
        ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handlers)()));
    layers::wrap(routes.with_state(app), guarded)
}
