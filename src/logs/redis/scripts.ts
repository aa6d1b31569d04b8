/**
 * All that the log does to Redis, each an atomic step there (redis.io/docs/latest/develop/programmability/eval-intro).
 *
 * A room has four keys, all in one slot: `room`, a hash of its figures; `tail`, a list of its newest broadcasts; `state`, a
 * hash with the broadcasts stored under a key as `1:key`, `2:key` …, and as `#key` how many those are and their bytes; `ids`,
 * a hash of the seq of each id in the tail. What happens is published on its channel, `news`.
 *
 * A script without `allow-oom` is refused before it has done anything when the server's memory is full.
 */

const KEYS_OF_ROOM = 'local room, tail, state, ids, news = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]'

const KEEP = `
local function keep(expiry)
  for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], expiry) end
end
`

/** The time by which all nodes go: their own clocks may differ from each other. One that differs by less is left alone. */
const CLOCK = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function by_this_clock(at, theirs)
  local ahead = now - tonumber(theirs)
  if math.abs(ahead) < 1000 then return tonumber(at) end
  return at + ahead
end
`

/** Tells the followers who owns the room and whether it is here; the version says which telling is the newest. */
const TELL_PRESENCE = `
local function tell_presence()
  local version = redis.call('HINCRBY', room, 'presence', 1)
  local kept = redis.call('HMGET', room, 'term', 'left', 'node', 'handed')
  local presence = { kind = 'presence', version = version, term = tonumber(kept[1]), here = not kept[2] }
  presence.node = kept[3] or nil
  presence.handedAt = tonumber(kept[4] or 0)
  local text = cjson.encode(presence)
  redis.call('SPUBLISH', news, text)
  return text
end
`

/** ARGV: epoch, owner hash, node, expiry; where the owner is not here: since when, and the node's time. */
export const CREATE = `#!lua
${KEYS_OF_ROOM}
${KEEP}
${CLOCK}
redis.call('DEL', room, tail, state, ids)
redis.call('HSET', room, 'epoch', ARGV[1], 'seq', 0, 'term', 1, 'owner', ARGV[2], 'node', ARGV[3], 'presence', 0,
  'tail_bytes', 0, 'entries', 0, 'bytes', 0)
if ARGV[5] then redis.call('HSET', room, 'left', by_this_clock(ARGV[5], ARGV[6])) end
keep(ARGV[4])
return 1
`

/**
 * ARGV: tail entries, tail bytes, state entries, state bytes, expiry, the node's time, broadcasts and bytes a second; then for
 * each draft: term, id or '', key, how to retain or '', bytes, when it was said or '', text. Returns for each its seq, or the
 * negative seq of the same id's first time, or why it is refused: after `rate:` that is the milliseconds to wait. Whose owner
 * speaks, that owner is here; what else is said puts off when it left.
 *
 * Each node holds the rate of a room for what comes by it. Here it is held for all of them together, with two seconds' worth
 * at once, since what a node has let through may come here late and closer together.
 */
export const APPEND = `#!lua
${KEYS_OF_ROOM}
${CLOCK}
${TELL_PRESENCE}
local most_entries, most_bytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local most_state_entries, most_state_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local outcomes = {}
local kept = redis.call('HMGET', room, 'seq', 'term', 'tail_bytes', 'entries', 'bytes', 'used', 'left', 'rated')
if not kept[1] then
  for i = 1, (#ARGV - 8) / 7 do outcomes[i] = 'room_not_found' end
  return outcomes
end
local seq, term, tail_bytes = tonumber(kept[1]), tonumber(kept[2]), tonumber(kept[3])
local entries, bytes = tonumber(kept[4]), tonumber(kept[5])
local length = redis.call('LLEN', tail)
local has_spoken, said_at = false, nil

local rate, byte_rate = tonumber(ARGV[7]), tonumber(ARGV[8])
local may, may_bytes = 2 * rate, 2 * byte_rate
if kept[8] then
  local at, left, left_bytes = string.match(kept[8], '(%S+) (%S+) (%S+)')
  local passed = math.max(0, now - tonumber(at)) / 1000
  may = math.min(may, tonumber(left) + passed * rate)
  may_bytes = math.min(may_bytes, tonumber(left_bytes) + passed * byte_rate)
end
local over_rate = false
local function is_over_rate()
  -- From the first that is refused on, all are: none is to overtake it.
  if not over_rate and may >= 1 and may_bytes >= 1 then return false end
  over_rate = over_rate or 'rate:' .. math.ceil(1000 * math.max(0.1 - may / rate, 0.1 - may_bytes / byte_rate, 0.001))
  return true
end

local function stored_under(key)
  local stored = redis.call('HGET', state, '#' .. key)
  if not stored then return 0, 0 end
  local count, size = string.match(stored, '(%d+):(%d+)')
  return tonumber(count), tonumber(size)
end

local function forget(key, first, last)
  for from = first, last, 500 do
    local fields = {}
    for n = from, math.min(from + 499, last) do fields[#fields + 1] = n .. ':' .. key end
    redis.call('HDEL', state, unpack(fields))
  end
end

local function trim()
  while length > 0 and (length > most_entries or tail_bytes > most_bytes) do
    local old_seq, header = string.match(redis.call('LPOP', tail), '^(%d+)\\n([^\\n]*)\\n')
    local old = cjson.decode(header)
    length = length - 1
    tail_bytes = tail_bytes - old.bytes
    if old.id and redis.call('HGET', ids, old.id) == old_seq then redis.call('HDEL', ids, old.id) end
  end
end

local function append(draft_term, id, key, retain, size, at, text)
  if draft_term < term then return 'displaced' end
  if draft_term == term then has_spoken = true
  elseif at ~= '' then said_at = by_this_clock(at, ARGV[6]) end
  local known = id ~= '' and redis.call('HGET', ids, id)
  if known then return -tonumber(known) end
  if is_over_rate() then return over_rate end
  local count, old_bytes = 0, 0
  if retain ~= '' then
    count, old_bytes = stored_under(key)
    if retain ~= 'clear' then
      local replaced, replaced_bytes = count, old_bytes
      if retain == 'append' then replaced, replaced_bytes = 0, 0 end
      if entries - replaced + 1 > most_state_entries then return 'entries' end
      if bytes - replaced_bytes + size > most_state_bytes then return 'bytes' end
    end
    if retain ~= 'append' and count > 0 then
      -- The first is overwritten by what replaces them all.
      forget(key, retain == 'latest' and 2 or 1, count)
      if retain == 'clear' then redis.call('HDEL', state, '#' .. key) end
      entries, bytes, count, old_bytes = entries - count, bytes - old_bytes, 0, 0
    end
  end
  may, may_bytes = may - 1, may_bytes - size
  seq = seq + 1
  local record = seq .. '\\n' .. text
  if retain == 'latest' or retain == 'append' then
    redis.call('HSET', state, (count + 1) .. ':' .. key, record, '#' .. key, (count + 1) .. ':' .. (old_bytes + size))
    entries, bytes = entries + 1, bytes + size
  end
  redis.call('RPUSH', tail, record)
  length, tail_bytes = length + 1, tail_bytes + size
  if id ~= '' then redis.call('HSET', ids, id, seq) end
  trim()
  redis.call('SPUBLISH', news, record)
  return seq
end

for i = 9, #ARGV, 7 do
  outcomes[#outcomes + 1] = append(tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4]), ARGV[i + 5],
    ARGV[i + 6])
end
redis.call('HSET', room, 'seq', seq, 'tail_bytes', tail_bytes, 'entries', entries, 'bytes', bytes,
  'rated', string.format('%.0f %.3f %.0f', now, may, may_bytes))
if has_spoken and kept[6] then redis.call('HDEL', room, 'used') end
if has_spoken and kept[7] then
  redis.call('HDEL', room, 'left')
  tell_presence()
elseif said_at and kept[7] and said_at > tonumber(kept[7]) then
  redis.call('HSET', room, 'left', said_at)
end
-- Seldom, since each time is a write: while half of it is left there is time.
local expiry = tonumber(ARGV[5])
for i = 1, 4 do
  if redis.call('PTTL', KEYS[i]) < expiry / 2 then redis.call('PEXPIRE', KEYS[i], expiry) end
end
return outcomes
`

/**
 * ARGV: epoch and seq of who asks. Returns nil where there is no room; else its figures and, where the tail covers that
 * seq, the tail from that very broadcast on; else all of the tail, and all of the state.
 */
export const READ = `#!lua flags=no-writes
${KEYS_OF_ROOM}
local kept = redis.call('HMGET', room, 'epoch', 'seq', 'term', 'left', 'node', 'handed', 'presence')
if not kept[1] then return nil end
local seq, known = tonumber(kept[2]), tonumber(ARGV[2])
local first = seq - redis.call('LLEN', tail) + 1
if kept[1] == ARGV[1] and known >= first - 1 and known <= seq then
  return { kept, redis.call('LRANGE', tail, math.max(known - first, 0), -1) }
end
return { kept, redis.call('LRANGE', tail, 0, -1), redis.call('HGETALL', state) }
`

/** Returns epoch, seq and the version of the presence. */
export const HEAD = `#!lua flags=no-writes
return redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'presence')
`

/**
 * ARGV: the epoch that is void, the new one; and of the newest presence that was seen its term, its node or '', its version,
 * and '1' where the owner was here. The room's broadcasts are not what they were, and neither may be its owner: whom the lost
 * one had displaced, stays so, and one that was back is not gone.
 */
export const RENEW = `#!lua flags=allow-oom
${KEYS_OF_ROOM}
${CLOCK}
local kept = redis.call('HMGET', room, 'epoch', 'term', 'presence')
if kept[1] ~= ARGV[1] then return 0 end
redis.call('HSET', room, 'epoch', ARGV[2])
local is_later = tonumber(ARGV[3]) > tonumber(kept[2])
if is_later then redis.call('HSET', room, 'term', ARGV[3], 'node', ARGV[4]) end
if is_later or tonumber(ARGV[5]) > tonumber(kept[3]) then
  redis.call('HSET', room, 'presence', math.max(tonumber(ARGV[5]), tonumber(kept[3])))
  if ARGV[6] == '1' then redis.call('HDEL', room, 'left')
  else redis.call('HSETNX', room, 'left', now) end
end
redis.call('SPUBLISH', news, cjson.encode({ kind = 'epoch', epoch = ARGV[2] }))
return 1
`

/** ARGV: hash of a key. Returns 1 where that takes the room over. */
export const HOLDS_KEY = `#!lua flags=no-writes
local kept = redis.call('HMGET', KEYS[1], 'owner', 'handover', 'used')
return (kept[1] == ARGV[1] or kept[2] == ARGV[1] or kept[3] == ARGV[1]) and 1 or 0
`

/**
 * ARGV: hash of a key, hash of the key that an heir gets, node, expiry, a name for the request. Returns nil; or the presence, 1
 * where that key is the owner's from now on, epoch and seq. Asked again by the same name, since the answer was lost, it
 * changes nothing and says the same. `used`: the key of a handover that the owner came with, while it may not have got its own;
 * `handed`: the term that the room was last handed over in, or 0.
 */
export const TAKE_OVER = `#!lua
${KEYS_OF_ROOM}
${KEEP}
${TELL_PRESENCE}
local kept = redis.call('HMGET', room, 'owner', 'handover', 'used', 'taken', 'fresh', 'epoch', 'seq')
if kept[4] == ARGV[5] then return { tell_presence(), tonumber(kept[5]), kept[6], tonumber(kept[7]) } end
local is_owner, is_heir, is_heir_again = kept[1] == ARGV[1], kept[2] == ARGV[1], kept[3] == ARGV[1]
if not kept[1] or not (is_owner or is_heir or is_heir_again) then return nil end
local term = redis.call('HINCRBY', room, 'term', 1)
redis.call('HDEL', room, 'handover', 'used', 'left')
local is_fresh = is_owner and 0 or 1
redis.call('HSET', room, 'node', ARGV[3], 'taken', ARGV[5], 'fresh', is_fresh)
if is_heir then redis.call('HSET', room, 'handed', term) end
if not is_owner then redis.call('HSET', room, 'owner', ARGV[2], 'used', ARGV[1]) end
keep(ARGV[4])
return { tell_presence(), is_fresh, kept[6], tonumber(kept[7]) }
`

/** What the scripts of an owner begin with. ARGV[1]: its term. Returns why it is refused. */
const OWNED = `
local term = redis.call('HGET', room, 'term')
if not term then return 'room_not_found' end
if tonumber(ARGV[1]) < tonumber(term) then return 'displaced' end
`

/** ARGV: term, hash of the heir's key. */
export const OFFER_HANDOVER = `#!lua
${KEYS_OF_ROOM}
${OWNED}
redis.call('HSET', room, 'handover', ARGV[2])
if ARGV[1] == term then redis.call('HDEL', room, 'used') end
return 'ok'
`

/** ARGV: term, when, the node's time, expiry. Returns the presence. */
export const OWNER_LEFT = `#!lua flags=allow-oom
${KEYS_OF_ROOM}
${OWNED}
${KEEP}
${CLOCK}
${TELL_PRESENCE}
redis.call('HSET', room, 'left', by_this_clock(ARGV[2], ARGV[3]))
keep(ARGV[4])
return tell_presence()
`

/** ARGV: term, node. The owner's node is alive after all: its owner has been here all the time. */
export const OWNER_STAYED = `#!lua flags=allow-oom
${KEYS_OF_ROOM}
${OWNED}
${TELL_PRESENCE}
local is_lost = tonumber(ARGV[1]) > tonumber(term)
if is_lost then redis.call('HSET', room, 'term', ARGV[1], 'node', ARGV[2]) end
if redis.call('HDEL', room, 'left') == 0 and not is_lost then return 'ok' end
return tell_presence()
`

/** ARGV: when the owner's node was last heard of. Returns 0 where there is no room. */
export const ORPHAN = `#!lua flags=allow-oom
${KEYS_OF_ROOM}
${TELL_PRESENCE}
if redis.call('EXISTS', room) == 0 then return 0 end
if redis.call('HSETNX', room, 'left', ARGV[1]) == 1 then tell_presence() end
return 1
`

/** Returns term, when the owner left, and the node that it came to; each nil where there is none. */
export const LOOK = `#!lua flags=no-writes
return redis.call('HMGET', KEYS[1], 'term', 'left', 'node')
`

/** ARGV: expiry. */
export const RETAIN = `#!lua flags=allow-oom
${KEEP}
keep(ARGV[1])
return 1
`

/**
 * ARGV: term, reason; and when the owner of a room that is abandoned was found to have left, or ''. One whose node was taken
 * for dead may have come back with the term that it had, and somebody else may have spoken for it.
 */
export const END = `#!lua flags=allow-oom
${KEYS_OF_ROOM}
${OWNED}
if ARGV[2] == 'room_abandoned' then
  local left = redis.call('HGET', room, 'left')
  if not left or (ARGV[3] ~= '' and ARGV[3] ~= left) then return 'displaced' end
end
redis.call('DEL', room, tail, state, ids)
redis.call('SPUBLISH', news, cjson.encode({ kind = 'ended', reason = ARGV[2] }))
return 'ok'
`

/**
 * The index of all rooms, in a slot of its own: KEYS `here`, rooms whose owner is here by when its node last said so; `gone`,
 * those of the others by when it left; `watch`, when somebody last looked, and since when somebody has done so all the time;
 * `nodes`, on which the owners are that are here.
 */
const INDEX = `
local here, gone, watch, nodes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
${CLOCK}
local function keep(expiry)
  for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], expiry) end
end
`

/** ARGV: most rooms, expiry, uuid, node. Returns 0 where that is too many. */
export const ENLIST = `#!lua
${INDEX}
if redis.call('ZCARD', here) + redis.call('ZCARD', gone) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', here, now, ARGV[3])
redis.call('HSET', nodes, ARGV[3], ARGV[4])
redis.call('HSETNX', watch, 'swept', now)
keep(ARGV[2])
return 1
`

/** ARGV: uuid, expiry; '' and the node that its owner is on, or when that left and, if it is another's, the clock that says so. */
export const PLACE = `#!lua flags=allow-oom
${INDEX}
if ARGV[3] == '' then
  redis.call('ZREM', gone, ARGV[1])
  redis.call('ZADD', here, now, ARGV[1])
  redis.call('HSET', nodes, ARGV[1], ARGV[4])
else
  redis.call('ZREM', here, ARGV[1])
  redis.call('HDEL', nodes, ARGV[1])
  redis.call('ZADD', gone, by_this_clock(ARGV[3], ARGV[4] or now), ARGV[1])
end
keep(ARGV[2])
return 1
`

/** ARGV: uuid. */
export const DROP = `#!lua flags=allow-oom
${INDEX}
redis.call('ZREM', here, ARGV[1])
redis.call('ZREM', gone, ARGV[1])
redis.call('HDEL', nodes, ARGV[1])
if redis.call('EXISTS', here, gone) == 0 then redis.call('DEL', watch) end
return 1
`

/** ARGV: expiry, node, uuids whose owners are on it. Returns those that are not listed as such. */
export const BEAT = `#!lua flags=allow-oom
${INDEX}
local missing = {}
for i = 3, #ARGV do
  if redis.call('HGET', nodes, ARGV[i]) == ARGV[2] then redis.call('ZADD', here, now, ARGV[i])
  else missing[#missing + 1] = ARGV[i] end
end
keep(ARGV[1])
return missing
`

/**
 * ARGV: a time and the node's own, milliseconds after which a node is taken for dead, expiry, most of each. Returns the rooms
 * whose owner's node is silent, each with when it was last heard of; those whose owner left before that time; and what that
 * is here. While nobody looked (all nodes were down, or Redis was) no owner could come back and no node be heard: both times
 * count from when it is over.
 */
export const SWEEP = `#!lua flags=allow-oom
${INDEX}
local limit = by_this_clock(ARGV[1], ARGV[2])
if redis.call('EXISTS', here, gone) == 0 then
  redis.call('DEL', watch)
  return { {}, {}, limit }
end
local lease = tonumber(ARGV[3])
local kept = redis.call('HMGET', watch, 'swept', 'since')
local since = tonumber(kept[2] or 0)
if now - tonumber(kept[1] or 0) > lease then since = now end
redis.call('HSET', watch, 'swept', now, 'since', since)
keep(ARGV[4])
local silent, left = {}, {}
if since + lease <= now then
  silent = redis.call('ZRANGEBYSCORE', here, '-inf', now - lease, 'WITHSCORES', 'LIMIT', 0, ARGV[5])
end
if since <= limit then
  left = redis.call('ZRANGEBYSCORE', gone, '-inf', limit, 'LIMIT', 0, ARGV[5])
end
return { silent, left, limit }
`

/** ARGV: node. Another may be the reader at once. */
export const RELEASE_INGEST = `#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`

/** ARGV: node, milliseconds. Returns 1 where that node is the one that reads what is published from outside, for so long. */
export const READ_INGEST = `#!lua
local reader = redis.call('GET', KEYS[1])
if reader and reader ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`

/** KEYS: the nodes, by when each was last heard. ARGV: node, milliseconds after which one is dead. Returns those that are alive. */
export const ROLL_CALL = `#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)
`

/** KEYS: the nodes. ARGV: one that ends. */
export const SIGN_OFF = `#!lua flags=allow-oom
return redis.call('ZREM', KEYS[1], ARGV[1])
`
