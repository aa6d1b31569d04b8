// What durability costs, and what a crash and slow listeners do: scenarios over real sockets, each a table.
import { endingAll } from '../ending.ts'
import { acknowledgements } from './acknowledgements.ts'
import { coldJoins } from './cold-joins.ts'
import { herd } from './herd.ts'
import { manyRooms } from './many-rooms.ts'
import { neighbours } from './neighbours.ts'
import { slowListeners } from './slow-listeners.ts'

const scenarios: Record<string, () => Promise<string>> = {
  acknowledgements: () => acknowledgements(3),
  'slow-listeners': () => slowListeners(60),
  herd: () => herd(10_000),
  'cold-joins': () => coldJoins(15),
  neighbours,
  'many-rooms': () => manyRooms(10_000, 100),
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in scenarios))
if (unknown.length > 0) {
  console.error(`no scenario ${unknown.join(', ')}; there are ${Object.keys(scenarios).join(', ')}`)
  process.exit(2)
}

await endingAll(async () => {
  for (const name of asked.length > 0 ? asked : Object.keys(scenarios)) console.log(await scenarios[name]!())
})
