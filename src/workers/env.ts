import type { RoomObject } from './room-object.ts'

declare global {
  namespace Cloudflare {
    /** What wrangler.toml binds; its variables are read by config.ts. */
    interface Env {
      readonly ROOMS: DurableObjectNamespace<RoomObject>
      readonly ASSETS: Fetcher
    }
    /** What `exports` of cloudflare:workers holds. */
    interface GlobalProps {
      readonly mainModule: typeof import('./main.ts')
      readonly durableNamespaces: 'RoomObject'
    }
  }
}
