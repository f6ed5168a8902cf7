#!lua
-- Writes steps of one shard, each whole or not at all. They come together only to save round trips: one that cannot be
-- written leaves the others alone.
-- KEYS[1] {p:s}: the shard's hash tag; every key below has it as prefix, so all are in one slot
-- ARGV[1] owner token, then for each step the number of its arguments, this one included, and these, counted from 2:
--   2 source: the key suffix of what caused the step (inbox, inbox:checkout, timers)
--   3 entry id or timer member; 4 score that was claimed (timers); 5 session suffix; 6 expected version (0: none)
--   7 session text ('' leaves the session alone); 8 machine version; 9 chat for the list of chats ('' leaves it)
--   10 now, ms; 11 day; 12 machine; 13 from ('' for none); 14 to ('' when the session ends)
--   15 field of a line of the ledger ('' for none); 16 its text; 17 suffix of the person's book ('' for no line);
--   18 dead letter, JSON ('' for none)
--   19 '1' when the person is back
--   20 number of timers n, then n pairs (member, due or ''); number of effects m, then m triples (queue, lane, text);
--   number of inbox entries k, then k pairs (kind, text); number of counters c, then c fields;
--   number of further lines of the book l, then l pairs (field, text)
-- Returns for each step ok | fenced (another owner) | gone (already done) | conflict (another version) |
--   charged (the line is known) | error <what Redis says>: nothing of it was written
local p = KEYS[1] .. ':'
local isOwner = redis.call('GET', p .. 'owner') == ARGV[1]
local outbox, expiries, acts = 0, 0, 0

-- A payment that is in the ledger because its step failed is still to be granted.
local function isGranted(entry) return entry and not string.find(entry, '"ungranted":true', 1, true) end

local function isNumber(text)
  local number = tonumber(text)
  return number ~= nil and number == number and number ~= math.huge and number ~= -math.huge
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

local function commit(o)
  local source, entry = ARGV[o + 2], ARGV[o + 3]
  if not isOwner then return 'fenced' end
  if source == 'timers' then
    local score = redis.call('ZSCORE', p .. 'timers', entry)
    if not score or tonumber(score) ~= tonumber(ARGV[o + 4]) then return 'gone' end
  end
  local session, text, field = p .. ARGV[o + 5], ARGV[o + 7], ARGV[o + 15]
  if text ~= '' then
    local version = redis.call('HGET', session, 'n') or '0'
    if version ~= ARGV[o + 6] then return 'conflict' end
  end
  local known = field ~= '' and redis.call('HGET', p .. 'ledger', field)
  if isGranted(known) and ARGV[o + 18] == '' then return 'charged' end

  -- Everything is looked at before the first write, since a script that fails does not take back what it wrote.
  if ARGV[o + 17] ~= '' then expect(ARGV[o + 17], 'list') end
  if ARGV[o + 18] ~= '' then expect('dead', 'stream') end
  if ARGV[o + 9] ~= '' then expect('chats', 'zset') end
  if not isNumber(ARGV[o + 10]) then error({ err = 'ERR now is no number' }) end
  local at = o + 21
  if ARGV[o + 20] ~= '0' then expect('timers', 'zset') end
  for _ = 1, tonumber(ARGV[o + 20]) do
    if ARGV[at + 1] ~= '' and not isNumber(ARGV[at + 1]) then
      error({ err = 'ERR the due time of ' .. ARGV[at] .. ' is no number' })
    end
    at = at + 2
  end
  local effects = at
  at = at + 1
  for _ = 1, tonumber(ARGV[effects]) do
    local queue = 'outbox:' .. ARGV[at]
    expect('lane:' .. ARGV[at + 1], 'zset')
    if not seen[queue] then
      redis.call('LLEN', p .. queue)
      seen[queue] = true
    end
    at = at + 3
  end
  if ARGV[at] ~= '0' then expect('inbox', 'stream') end

  if source == 'timers' then
    redis.call('ZREM', p .. 'timers', entry)
    if string.sub(entry, -8) == '|~expiry' then expiries = expiries - 1 end
  elseif redis.call('XDEL', p .. source, entry) == 0 then
    -- Nothing is written yet, and nothing will be.
    return 'gone'
  end
  if field ~= '' and not isGranted(known) then
    redis.call('HSET', p .. 'ledger', field, ARGV[o + 16])
    if not known then note(ARGV[o + 17], field) end
  end
  if ARGV[o + 18] ~= '' then redis.call('XADD', p .. 'dead', '*', 'd', ARGV[o + 18]) end
  if ARGV[o + 9] ~= '' then redis.call('ZADD', p .. 'chats', ARGV[o + 10], ARGV[o + 9]) end

  if text ~= '' then
    local machine, from, to = ARGV[o + 12], ARGV[o + 13], ARGV[o + 14]
    if to == '' then redis.call('DEL', session)
    else redis.call('HSET', session, 's', text, 'n', tonumber(ARGV[o + 6]) + 1, 'm', ARGV[o + 8]) end
    if from ~= to then
      local states, days = p .. 'stats:states', p .. 'stats:transitions:' .. ARGV[o + 11]
      if from ~= '' then count(states, machine .. ':' .. from, -1) end
      if to ~= '' then count(states, machine .. ':' .. to, 1) end
      -- Kept for 400 days. A field that is new may have made the key.
      if count(days, machine .. ':' .. from .. '>' .. to, 1) == 1 then redis.call('EXPIRE', days, 34560000) end
    end
    if ARGV[o + 19] == '1' and to ~= '' then redis.call('HDEL', session, 'b') end
  end

  at = o + 21
  for _ = 1, tonumber(ARGV[o + 20]) do
    local member, due = ARGV[at], ARGV[at + 1]
    local changed = due ~= '' and redis.call('ZADD', p .. 'timers', due, member) or -redis.call('ZREM', p .. 'timers', member)
    -- The ends of untouched sessions are timers like all others; those who ask how many reminders wait leave them out.
    if changed ~= 0 and string.byte(member, -7) == 126 and string.sub(member, -8) == '|~expiry' then
      expiries = expiries + changed
    end
    at = at + 2
  end
  -- A queue stands in one lane: the best of its effects. It keeps its time when a better effect promotes it.
  at = effects + 1
  for _ = 1, tonumber(ARGV[effects]) do
    local queue, lane, effect = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
    if redis.call('RPUSH', p .. 'outbox:' .. queue, lane .. effect) == 1 then
      redis.call('ZADD', p .. 'lane:' .. lane, ARGV[o + 10], queue)
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
    at = at + 3
  end
  local signals = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, signals do
    redis.call('XADD', p .. 'inbox', '*', ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  -- A counter's name may come from outside: a flood of names must not fill the memory.
  local counters = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, counters do
    local counts, name = p .. 'stats:counts', ARGV[at]
    if redis.pcall('HEXISTS', counts, name) == 0 and redis.pcall('HLEN', counts) >= 1000 then
      name = string.match(name, '^[^:]*') .. ':…'
    end
    count(counts, name, 1)
    at = at + 1
  end
  local lines = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, lines do
    if redis.call('HSETNX', p .. 'ledger', ARGV[at], ARGV[at + 1]) == 1 then note(ARGV[o + 17], ARGV[at]) end
    at = at + 2
  end
  return 'ok'
end

local results = {}
local at = 1
while at < #ARGV do
  local isWritten, result = pcall(commit, at)
  if not isWritten then result = 'error ' .. (type(result) == 'table' and result.err or tostring(result)) end
  results[#results + 1] = result
  at = at + tonumber(ARGV[at + 1])
end
if outbox > 0 then redis.pcall('INCRBY', p .. 'stats:outbox', outbox) end
if acts > 0 then redis.pcall('INCRBY', p .. 'stats:acts', acts) end
if expiries ~= 0 then redis.pcall('INCRBY', p .. 'stats:expiries', expiries) end
return results
