#!lua
-- Puts effects into the outbox that no step asked for.
-- KEYS[1] {p:s}   ARGV[1] now, ms; then for each effect three arguments: queue, lane, text
local p = KEYS[1] .. ':'
for i = 2, #ARGV, 3 do
  -- A queue that waits keeps its lane and its time.
  if redis.call('RPUSH', p .. 'outbox:' .. ARGV[i], ARGV[i + 1] .. ARGV[i + 2]) == 1 then
    redis.call('ZADD', p .. 'lane:' .. ARGV[i + 1], ARGV[1], ARGV[i])
  end
  redis.call('INCRBY', p .. 'stats:outbox', 1)
end
return 'ok'
