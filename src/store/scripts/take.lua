#!lua
-- Reads the heads of the queues that are due in one lane. Takes nothing away: the owner remembers what is in hand.
-- KEYS[1] {p:s}   ARGV[1] lane   ARGV[2] now, ms   ARGV[3] how many to look at   ARGV[4...] queues in hand, left out
-- Returns { score of the first queue that is not due yet or '', queue, head, queue, head, ... }
local p = KEYS[1] .. ':'
local lane = p .. 'lane:' .. ARGV[1]
local held = {}
for i = 4, #ARGV do held[ARGV[i]] = true end
local result = { '' }
for _, queue in ipairs(redis.call('ZRANGEBYSCORE', lane, '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])) do
  if not held[queue] then
    local head = redis.call('LINDEX', p .. 'outbox:' .. queue, 0)
    if head then
      result[#result + 1] = queue
      result[#result + 1] = head
    end
  end
end
local later = redis.call('ZRANGEBYSCORE', lane, '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if later[2] then result[1] = later[2] end
return result
