#!lua
-- Puts effects into the outbox that no step asked for.
-- KEYS[1] {p:s}   ARGV[1] now, ms; then for each effect three arguments: queue, lane, text
local p = KEYS[1] .. ':'
for i = 2, #ARGV, 3 do
  local queue, lane = ARGV[i], tonumber(ARGV[i + 1])
  -- A queue that waits keeps its time, and is lifted into the lane of a better effect.
  if redis.call('RPUSH', p .. 'outbox:' .. queue, lane .. ARGV[i + 2]) == 1 then
    redis.call('ZADD', p .. 'lane:' .. lane, ARGV[1], queue)
  else
    for worse = 3, lane + 1, -1 do
      local due = redis.call('ZSCORE', p .. 'lane:' .. worse, queue)
      if due then
        redis.call('ZREM', p .. 'lane:' .. worse, queue)
        redis.call('ZADD', p .. 'lane:' .. lane, due, queue)
      end
    end
  end
  redis.call('INCRBY', p .. 'stats:outbox', 1)
end
return 'ok'
