# The page and the SDK are bundled by dev dependencies, which the server itself does without.
FROM node:24-slim AS build
WORKDIR /roomcast
COPY package.json package-lock.json .npmrc ./
# The scripts of the dependencies would fetch another Node, and what only tests need.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY src src
COPY public public
RUN node src/node/bundle.mjs

FROM node:24-slim
WORKDIR /roomcast
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
# Optional is only the TypeScript compiler, as what valibot would check its own types with.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY --from=build /roomcast/src src
COPY --from=build /roomcast/public public
# For the rooms of one that runs without Redis: mount a volume here to keep them.
RUN mkdir data && chown node data
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT ?? 8080}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=4", "src/node/start.mjs"]
