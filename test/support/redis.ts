/** Real Redis servers for tests. What runs outside of vitest, as a benchmark, imports the files below one by one. */
export { describeWithRedis, hasOpenssl, hasRedis } from './redis/available.ts'
export { type Cluster, type ClusterOptions, startCluster } from './redis/cluster.ts'
export { type RedisOptions, type RedisServer, startRedis, startReplica } from './redis/server.ts'
