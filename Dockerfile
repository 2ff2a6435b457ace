# Keep the two versions of Debian equal: the binary links to the system's OpenSSL.
FROM rust:1.95-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake libssl-dev pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --locked --release --bin foldback

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home foldback
COPY --from=build /src/target/release/foldback /usr/local/bin/foldback
USER 10001
EXPOSE 8080
ENV FOLDBACK__HTTP__LISTEN=0.0.0.0:8080
# Asks /livez: an instance that waits for a dependency must not be restarted for it.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["foldback", "health"]
ENTRYPOINT ["foldback"]
CMD ["run"]
