#!lua
-- Writes steps of one shard, each whole or not at all. They come together only to save round trips.
-- KEYS[1] {p:s}: the shard's hash tag; every key below has it as prefix, so all are in one slot
-- ARGV[1] owner token, then for each step the number of its arguments, this one included, and these, counted from 2:
--   2 source: the key suffix of what caused the step (inbox, inbox:checkout, timers)
--   3 entry id or timer member; 4 score that was claimed (timers); 5 session suffix; 6 expected version (0: none)
--   7 session text ('' leaves the session alone); 8 machine version; 9 chat for the list of chats ('' leaves it)
--   10 now, ms; 11 day; 12 machine; 13 from ('' for none); 14 to; 15 ms until expiry ('' for none)
--   16 states that can expire, comma-separated; 17 charge field ('' for none); 18 payment
--   19 number of timers n, then n pairs (member, due or ''); number of effects m, then m triples (queue, lane, text);
--   number of inbox entries k, then k pairs (kind, text); number of counters c, then c fields;
--   last '1' when the person is back
-- Returns for each step ok | fenced (another owner) | gone (already done) | conflict (another version) | charged (payment known)
local p = KEYS[1] .. ':'
local isOwner = redis.call('GET', p .. 'owner') == ARGV[1]

local function commit(o)
  local source, entry = ARGV[o + 2], ARGV[o + 3]
  if not isOwner then return 'fenced' end
  if source == 'timers' then
    local score = redis.call('ZSCORE', p .. 'timers', entry)
    if not score or tonumber(score) ~= tonumber(ARGV[o + 4]) then return 'gone' end
  elseif #redis.call('XRANGE', p .. source, entry, entry) == 0 then
    return 'gone'
  end
  local session = p .. ARGV[o + 5]
  local text = ARGV[o + 7]
  if text ~= '' then
    local version = redis.call('HGET', session, 'n') or '0'
    if version ~= ARGV[o + 6] then return 'conflict' end
  end
  if ARGV[o + 17] ~= '' and redis.call('HEXISTS', p .. 'ledger', ARGV[o + 17]) == 1 then return 'charged' end

  if source == 'timers' then redis.call('ZREM', p .. 'timers', entry) else redis.call('XDEL', p .. source, entry) end
  if ARGV[o + 17] ~= '' then
    redis.call('HSET', p .. 'ledger', ARGV[o + 17], ARGV[o + 18])
    redis.call('RPUSH', p .. 'book:' .. string.match(ARGV[o + 5], '-?%d+$'), ARGV[o + 17])
  end
  if ARGV[o + 9] ~= '' then redis.call('ZADD', p .. 'chats', ARGV[o + 10], ARGV[o + 9]) end

  local now = tonumber(ARGV[o + 10])
  if text ~= '' then
    local machine, from, to, expires = ARGV[o + 12], ARGV[o + 13], ARGV[o + 14], ARGV[o + 15]
    redis.call('HSET', session, 's', text, 'n', tonumber(ARGV[o + 6]) + 1, 'm', ARGV[o + 8])
    local expiring = ',' .. ARGV[o + 16] .. ','
    local function expirable(state) return string.find(expiring, ',' .. state .. ',', 1, true) ~= nil end
    if expires ~= '' then
      redis.call('PEXPIRE', session, expires)
      redis.call('ZADD', p .. 'expiring:' .. machine .. ':' .. to, now + tonumber(expires), ARGV[o + 5])
    elseif from ~= '' and expirable(from) then
      redis.call('PERSIST', session)
    end
    if from ~= to then
      if from ~= '' then
        if expirable(from) then redis.call('ZREM', p .. 'expiring:' .. machine .. ':' .. from, ARGV[o + 5]) end
        redis.call('HINCRBY', p .. 'stats:states', machine .. ':' .. from, -1)
      end
      redis.call('HINCRBY', p .. 'stats:states', machine .. ':' .. to, 1)
      redis.call('HINCRBY', p .. 'stats:transitions:' .. ARGV[o + 11], machine .. ':' .. from .. '>' .. to, 1)
    end
  end

  local at = o + 20
  for _ = 1, tonumber(ARGV[o + 19]) do
    if ARGV[at + 1] == '' then redis.call('ZREM', p .. 'timers', ARGV[at])
    else redis.call('ZADD', p .. 'timers', ARGV[at + 1], ARGV[at]) end
    at = at + 2
  end
  -- A queue stands in one lane: the best of its effects. It keeps its time when a better effect promotes it.
  local count = tonumber(ARGV[at])
  at = at + 1
  if count > 0 then redis.call('INCRBY', p .. 'stats:outbox', count) end
  for _ = 1, count do
    local queue, lane, effect = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
    if redis.call('RPUSH', p .. 'outbox:' .. queue, lane .. effect) == 1 then
      redis.call('ZADD', p .. 'lane:' .. lane, now, queue)
    else
      for worse = 3, lane + 1, -1 do
        local due = redis.call('ZSCORE', p .. 'lane:' .. worse, queue)
        if due then
          redis.call('ZREM', p .. 'lane:' .. worse, queue)
          redis.call('ZADD', p .. 'lane:' .. lane, due, queue)
        end
      end
    end
    at = at + 3
  end
  count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    redis.call('XADD', p .. 'inbox', '*', ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  -- A counter's name may come from outside: a flood of names must not fill the memory.
  count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    local counts, field = p .. 'stats:counts', ARGV[at]
    if redis.call('HEXISTS', counts, field) == 0 and redis.call('HLEN', counts) >= 1000 then
      field = string.match(field, '^[^:]*') .. ':…'
    end
    redis.call('HINCRBY', counts, field, 1)
    at = at + 1
  end
  if ARGV[at] == '1' then redis.call('HDEL', session, 'b') end
  return 'ok'
end

local results = {}
local at = 1
while at < #ARGV do
  results[#results + 1] = commit(at)
  at = at + tonumber(ARGV[at + 1])
end
return results
