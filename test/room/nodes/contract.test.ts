import { vi } from 'vitest'
import { testNodes } from '../../contracts/nodes.ts'
import { Cluster } from '../../support/cluster.ts'

let cluster = new Cluster()
let names = 0

testNodes('the double', {
  start: async (answer) => {
    const name = `node${++names}`
    const { manager, house } = cluster.start(name)
    vi.spyOn(manager, 'answer').mockImplementation(answer)
    return { nodes: house.nodes!, end: () => cluster.lose(name) }
  },
  cleanUp: async () => {
    cluster = new Cluster()
  },
})
