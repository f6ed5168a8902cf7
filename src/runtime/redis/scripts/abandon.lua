#!lua flags=allow-oom
-- A person cannot be reached: what waits to be sent and the timers go, the sessions stay and are marked, so that they go
-- on when the person comes back. Each gets a time at which it ends, unless it has one already. Takes the inbox entry that
-- tells of it.
-- KEYS[1] {p:s}   ARGV: 1 owner token; 2 source (inbox, inbox:checkout); 3 entry id; 4 queue of the chat;
--   5 number of sessions n, then n triples (session suffix; member of its expiry timer; when it is due or ''); then the
--   members of timers
-- Returns ok | fenced | gone
local p = KEYS[1] .. ':'
if redis.call('GET', p .. 'owner') ~= ARGV[1] then return 'fenced' end
if #redis.call('XRANGE', p .. ARGV[2], ARGV[3], ARGV[3]) == 0 then return 'gone' end
local timers = 6 + 3 * tonumber(ARGV[5])
-- Everything is looked at before the first write, since a script that fails does not take back what it wrote.
local function expect(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then error({ err = 'WRONGTYPE ' .. key .. ' is a ' .. found }) end
end
for i = 6, timers - 1, 3 do expect(p .. ARGV[i], 'hash') end
for lane = 0, 3 do expect(p .. 'lane:' .. lane, 'zset') end
expect(p .. 'timers', 'zset')
local dropped = redis.call('LLEN', p .. 'outbox:' .. ARGV[4])
redis.call('DEL', p .. 'outbox:' .. ARGV[4])
for lane = 0, 3 do redis.call('ZREM', p .. 'lane:' .. lane, ARGV[4]) end
if dropped > 0 then redis.pcall('DECRBY', p .. 'stats:outbox', dropped) end
for i = timers, #ARGV do redis.call('ZREM', p .. 'timers', ARGV[i]) end
for i = 6, timers - 1, 3 do
  if redis.call('EXISTS', p .. ARGV[i]) == 1 then
    redis.call('HSET', p .. ARGV[i], 'b', '1')
    local isNew = ARGV[i + 2] ~= '' and redis.call('ZADD', p .. 'timers', 'NX', ARGV[i + 2], ARGV[i + 1]) == 1
    if isNew then redis.pcall('INCRBY', p .. 'stats:expiries', 1) end
  end
end
redis.call('XDEL', p .. ARGV[2], ARGV[3])
return 'ok'
