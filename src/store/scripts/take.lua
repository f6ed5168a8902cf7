#!lua flags=no-writes
-- Reads the heads of the queues that are due in one lane. Takes nothing away: the owner remembers what is in hand.
-- KEYS[1] {p:s}   ARGV[1] owner token   ARGV[2] lane   ARGV[3] now, ms   ARGV[4] how many to look at
-- ARGV[5...] queues in hand, left out
-- Returns { score of the first queue that is not due yet or '', queue, head, queue, head, ... }, or fenced (another owner)
local p = KEYS[1] .. ':'
if redis.call('GET', p .. 'owner') ~= ARGV[1] then return 'fenced' end
local lane = p .. 'lane:' .. ARGV[2]
local held = {}
for i = 5, #ARGV do held[ARGV[i]] = true end
local result = { '' }
for _, queue in ipairs(redis.call('ZRANGEBYSCORE', lane, '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])) do
  if not held[queue] then
    local head = redis.call('LINDEX', p .. 'outbox:' .. queue, 0)
    if head then
      result[#result + 1] = queue
      result[#result + 1] = head
    end
  end
end
local later = redis.call('ZRANGEBYSCORE', lane, '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if later[2] then result[1] = later[2] end
return result
