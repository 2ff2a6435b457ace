-- Indexes for pages of replays, and for totals and backlog among the telemetry counts. They are not built here: this
-- runs in one transaction, which would block the fold for as long as a large table takes. `foldback migrate` builds them
-- in every generation once it has committed (src/store/generations/indexes.rs). Binaries of older schema versions work on
-- beside this one.

update foldback.schema_version set version = 4;
