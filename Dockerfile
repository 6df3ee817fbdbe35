# The sidecar's image: one Node binary and the bundle that `npm run build` makes, on a base without a shell.
#
#     docker build --tag fargauge:0.1.0 .

# The very Node that package.json pins and the tests run on, because V8 flags come and go with its versions. Not the
# slim variant: the full one has strip.
ARG NODE_IMAGE=public.ecr.aws/docker/library/node:24.21.0-trixie

# The C and C++ libraries that Node needs, CA certificates, user 65532; no shell, no package manager and no Node: ours
# is copied in, so that its path and its version do not depend on the base.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13:nonroot

FROM $NODE_IMAGE AS build
# The bundle's packages are still packages here: where a list of contents (SBOM) is asked for, BuildKit lists this stage too.
ARG BUILDKIT_SBOM_SCAN_STAGE=true
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Nothing here needs install scripts: esbuild's binary is a package of its own, and the script of the `node` package
# would fetch a second Node.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts/build.ts scripts/
COPY src src
RUN npm run build
# Symbols are a seventh of the binary, and Fargate pulls the image for every task.
RUN strip --output-file=node "$(command -v node)"

FROM $RUNTIME_IMAGE
ARG SOURCE_URL=""
LABEL org.opencontainers.image.title="fargauge" \
      org.opencontainers.image.description="A sidecar for Amazon ECS and AWS Fargate that leaves a Lambda-style REPORT line behind every task run: duration, CPU, memory, size, exit." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="$SOURCE_URL"
COPY --from=build /build/node /usr/local/bin/node
COPY --from=build /build/dist/sidecar.cjs /build/dist/cloudwatch-logs.cjs /build/dist/NOTICES.txt /opt/fargauge/
COPY LICENSE /opt/fargauge/

# glibc's malloc: one arena, and freed memory given back early. Worth 2 MB.
ENV MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536

# A number, so that an orchestrator can see that it is not root.
USER 65532:65532

# PID 1 gets no default signal actions from the kernel: the program handles SIGTERM and SIGINT itself, and the JSON
# form of ENTRYPOINT makes Node PID 1, with no shell between. It starts no processes, so there is nothing to reap.
STOPSIGNAL SIGTERM

# No HEALTHCHECK: nothing could run one without a shell, and a sick reporter must never make a task unhealthy.
#
# The flags keep memory low at one poll a second (NODE_OPTIONS would refuse some): the first two stop V8 from
# optimising undici's WebAssembly parser (10 MB and more), the others do without optimised code and spare threads.
# A test compares them with those that `fargauge run` starts the sidecar with.
ENTRYPOINT ["/usr/local/bin/node", \
            "--no-wasm-tier-up", \
            "--no-wasm-dynamic-tiering", \
            "--no-opt", \
            "--no-maglev", \
            "--no-sparkplug", \
            "--optimize-for-size", \
            "--single-threaded", \
            "--max-semi-space-size=1", \
            "/opt/fargauge/sidecar.cjs"]
