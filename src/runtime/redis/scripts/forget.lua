#!lua flags=allow-oom
-- Removes everything stored about a chat but its payments, which the law asks to keep: they bear no name.
-- KEYS[1] {p:s}
-- ARGV[1] owner token; ARGV[2] source and ARGV[3] id of the entry that asks for it; ARGV[4] chat
-- ARGV[5] number of sessions n, then n triples:
--   session suffix; version (0: none); field of its state's counter ('' when there is none)
-- then the members of timers that it may have
-- Returns ok | fenced | gone | conflict (a session is of another version: look again)
local p = KEYS[1] .. ':'
if redis.call('GET', p .. 'owner') ~= ARGV[1] then return 'fenced' end
if #redis.call('XRANGE', p .. ARGV[2], ARGV[3], ARGV[3]) == 0 then return 'gone' end
local timers = 6 + 3 * tonumber(ARGV[5])
for i = 6, timers - 1, 3 do
  if (redis.call('HGET', p .. ARGV[i], 'n') or '0') ~= ARGV[i + 1] then return 'conflict' end
end

for i = 6, timers - 1, 3 do
  if ARGV[i + 1] ~= '0' then
    redis.call('DEL', p .. ARGV[i])
    if ARGV[i + 2] ~= '' then redis.pcall('HINCRBY', p .. 'stats:states', ARGV[i + 2], -1) end
  end
end
for i = timers, #ARGV do
  local isGone = redis.call('ZREM', p .. 'timers', ARGV[i]) == 1
  if isGone and string.sub(ARGV[i], -8) == '|~expiry' then redis.pcall('DECRBY', p .. 'stats:expiries', 1) end
end
redis.call('ZREM', p .. 'chats', ARGV[4])
redis.call('DEL', p .. 'sorry:' .. ARGV[4])
-- Last, so that what cannot be done is given up and kept.
redis.call('XDEL', p .. ARGV[2], ARGV[3])
return 'ok'
