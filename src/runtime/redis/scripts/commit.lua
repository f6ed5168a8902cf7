#!lua
-- Writes steps of one shard, each whole or not at all. They come together only to save round trips: one that cannot be
-- written leaves the others alone.
-- KEYS[1] {p:s}: the shard's hash tag; every key below has it as prefix, so all are in one slot
-- ARGV[1] a map in MessagePack:
--   owner     the owner's token
--   steps     a list of maps; what has no value is left out. In each:
--     source    key suffix of what caused the step: inbox, inbox:checkout, timers
--     id        entry id or timer member      due   score that was claimed (timers)
--     now       ms                            seen  chat for the list of chats
--     session   key suffix                    version  that is expected; 0: none
--     text      of the session; without it the session is left alone, and so are the five that follow
--     release   version of the machine        back  true: the person is back
--     machine   its id, with `from` and `to`, the states that are counted (no `to`: the session ends), and day
--     key, line of the ledger, which make the step void when they are there    book  suffix of the person's book
--     letter    dead letter, JSON
--     timers    flat pairs: member, due (false: it goes)     effects  flat triples: queue, lane, text
--     entries   of the inbox, flat pairs: field, text        counts   names of counters
--     records   further lines of the ledger, flat pairs: key, text; one that is there stays
-- Returns for each step ok | fenced (another owner) | gone (already done) | conflict (another version) |
--   charged (the line is known) | error <what Redis says>: nothing of it was written
local p = KEYS[1] .. ':'
local given = cmsgpack.unpack(ARGV[1])
local isOwner = redis.call('GET', p .. 'owner') == given.owner
local outbox, expiries, acts = 0, 0, 0
local none = {}

-- A payment that is in the ledger because its step failed is still to be granted.
local function isGranted(entry) return entry and not string.find(entry, '"ungranted":true', 1, true) end

local function isNumber(value)
  return type(value) == 'number' and value == value and value ~= math.huge and value ~= -math.huge
end

-- A key of another type is found before the first write.
local seen = {}
local function expect(suffix, kind)
  if seen[suffix] then return end
  local found = redis.call('TYPE', p .. suffix).ok
  if found ~= kind and found ~= 'none' then error({ err = 'WRONGTYPE ' .. p .. suffix .. ' is a ' .. found }) end
  seen[suffix] = true
end

-- A counter that is no number must not cost the step that it counts.
local function count(key, field, by) return redis.pcall('HINCRBY', key, field, by) end

-- A person's book lists the fields of the ledger that are about them. What is no payment is counted apart.
local function note(book, field)
  redis.call('RPUSH', p .. book, field)
  if string.sub(field, 1, 1) == '~' then acts = acts + 1 end
end

-- Everything is looked at before the first write, since a script that fails does not take back what it wrote.
local function check(step)
  if step.book then expect(step.book, 'list') end
  if step.letter then expect('dead', 'stream') end
  if step.seen then expect('chats', 'zset') end
  if not isNumber(step.now) then error({ err = 'ERR now is no number' }) end
  local timers, effects = step.timers or none, step.effects or none
  if #timers > 0 then expect('timers', 'zset') end
  for i = 1, #timers, 2 do
    if timers[i + 1] and not isNumber(timers[i + 1]) then
      error({ err = 'ERR the due time of ' .. timers[i] .. ' is no number' })
    end
  end
  for i = 1, #effects, 3 do
    local queue = 'outbox:' .. effects[i]
    expect('lane:' .. effects[i + 1], 'zset')
    if not seen[queue] then
      redis.call('LLEN', p .. queue)
      seen[queue] = true
    end
  end
  if step.entries then expect('inbox', 'stream') end
end

local function writeSession(step)
  local session, machine, from, to = p .. step.session, step.machine, step.from, step.to
  if to then redis.call('HSET', session, 's', step.text, 'n', step.version + 1, 'm', step.release)
  else redis.call('DEL', session) end
  if from ~= to then
    local states, days = p .. 'stats:states', p .. 'stats:transitions:' .. step.day
    if from then count(states, machine .. ':' .. from, -1) end
    if to then count(states, machine .. ':' .. to, 1) end
    -- Kept for 400 days. A field that is new may have made the key.
    local field = machine .. ':' .. (from or '') .. '>' .. (to or '')
    if count(days, field, 1) == 1 then redis.call('EXPIRE', days, 34560000) end
  end
  if step.back and to then redis.call('HDEL', session, 'b') end
end

local function writeTimers(timers)
  for i = 1, #timers, 2 do
    local member, due = timers[i], timers[i + 1]
    local changed = due and redis.call('ZADD', p .. 'timers', due, member) or -redis.call('ZREM', p .. 'timers', member)
    -- The ends of untouched sessions are timers like all others; those who ask how many reminders wait leave them out.
    if changed ~= 0 and string.byte(member, -7) == 126 and string.sub(member, -8) == '|~expiry' then
      expiries = expiries + changed
    end
  end
end

-- A queue stands in one lane: the best of its effects. It keeps its time when a better effect promotes it.
local function writeEffects(effects, now)
  for i = 1, #effects, 3 do
    local queue, lane, effect = effects[i], effects[i + 1], effects[i + 2]
    if redis.call('RPUSH', p .. 'outbox:' .. queue, lane .. effect) == 1 then
      redis.call('ZADD', p .. 'lane:' .. lane, now, queue)
    else
      for worse = 3, lane + 1, -1 do
        local due = redis.pcall('ZSCORE', p .. 'lane:' .. worse, queue)
        if type(due) == 'string' then
          redis.call('ZREM', p .. 'lane:' .. worse, queue)
          redis.call('ZADD', p .. 'lane:' .. lane, due, queue)
        end
      end
    end
    outbox = outbox + 1
  end
end

-- A counter's name may come from outside: a flood of names must not fill the memory.
local function writeCounts(names)
  local counts = p .. 'stats:counts'
  for _, name in ipairs(names) do
    if redis.pcall('HEXISTS', counts, name) == 0 and redis.pcall('HLEN', counts) >= 1000 then
      name = string.match(name, '^[^:]*') .. ':…'
    end
    count(counts, name, 1)
  end
end

local function commit(step)
  local source, id = step.source, step.id
  if not isOwner then return 'fenced' end
  if source == 'timers' then
    local score = redis.call('ZSCORE', p .. 'timers', id)
    if not score or tonumber(score) ~= step.due then return 'gone' end
  end
  if step.text then
    local version = redis.call('HGET', p .. step.session, 'n') or 0
    if tonumber(version) ~= step.version then return 'conflict' end
  end
  local key = step.key
  local known = key and redis.call('HGET', p .. 'ledger', key)
  if isGranted(known) and not step.letter then return 'charged' end
  check(step)

  if source == 'timers' then
    redis.call('ZREM', p .. 'timers', id)
    if string.sub(id, -8) == '|~expiry' then expiries = expiries - 1 end
  elseif redis.call('XDEL', p .. source, id) == 0 then
    -- Nothing is written yet, and nothing will be.
    return 'gone'
  end
  if key and not isGranted(known) then
    redis.call('HSET', p .. 'ledger', key, step.line)
    if not known then note(step.book, key) end
  end
  if step.letter then redis.call('XADD', p .. 'dead', '*', 'd', step.letter) end
  if step.seen then redis.call('ZADD', p .. 'chats', step.now, step.seen) end
  if step.text then writeSession(step) end
  if step.timers then writeTimers(step.timers) end
  if step.effects then writeEffects(step.effects, step.now) end
  local entries, records = step.entries or none, step.records or none
  for i = 1, #entries, 2 do redis.call('XADD', p .. 'inbox', '*', entries[i], entries[i + 1]) end
  if step.counts then writeCounts(step.counts) end
  for i = 1, #records, 2 do
    if redis.call('HSETNX', p .. 'ledger', records[i], records[i + 1]) == 1 then note(step.book, records[i]) end
  end
  return 'ok'
end

local results = {}
for i, step in ipairs(given.steps) do
  local isWritten, result = pcall(commit, step)
  if not isWritten then result = 'error ' .. (type(result) == 'table' and result.err or tostring(result)) end
  results[i] = result
end
if outbox > 0 then redis.pcall('INCRBY', p .. 'stats:outbox', outbox) end
if acts > 0 then redis.pcall('INCRBY', p .. 'stats:acts', acts) end
if expiries ~= 0 then redis.pcall('INCRBY', p .. 'stats:expiries', expiries) end
return results
