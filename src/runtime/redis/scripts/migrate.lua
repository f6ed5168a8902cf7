#!lua
-- Moves a page of what the previous release wrote to where this one keeps it. A repetition changes nothing.
-- KEYS[1] {p:s}
-- ARGV: 1 suffix of a list of sessions that expire; 2 the field of its state's counter;
--   3 number of its members n, then n triples: session suffix; its timer's member ('' when it is not in that state); due, ms;
--   then number of sessions m that Redis must not remove by itself, then m suffixes;
--   then pairs: chat, a field of the ledger that is its own
local p = KEYS[1] .. ':'
local at = 4
local moved, expiries = 0, 0
for _ = 1, tonumber(ARGV[3]) do
  if redis.call('ZREM', p .. ARGV[1], ARGV[at]) == 1 and ARGV[at + 1] ~= '' then
    expiries = expiries + redis.call('ZADD', p .. 'timers', 'NX', ARGV[at + 2], ARGV[at + 1])
    moved = moved + 1
  end
  at = at + 3
end
if expiries > 0 then redis.call('INCRBY', p .. 'stats:expiries', expiries) end
if moved > 0 then redis.call('HINCRBY', p .. 'stats:states', ARGV[2], moved) end
local sessions = tonumber(ARGV[at])
for i = at + 1, at + sessions do redis.call('PERSIST', p .. ARGV[i]) end
for i = at + sessions + 1, #ARGV, 2 do
  local book = p .. 'book:' .. ARGV[i]
  if not redis.call('LPOS', book, ARGV[i + 1]) then redis.call('RPUSH', book, ARGV[i + 1]) end
end
return 'ok'
