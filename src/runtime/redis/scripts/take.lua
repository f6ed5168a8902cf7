#!lua flags=no-writes
-- Reads the heads of the queues that are due in one lane. Takes nothing away: the owner remembers what is in hand.
-- KEYS[1] {p:s}   ARGV[1] owner token   ARGV[2] lane   ARGV[3] now, ms   ARGV[4] how many to look at
-- ARGV[5...] queues in hand, left out, as are those that another copy holds to the end of a send
-- Returns { score of the first queue that is not due yet or '', queue, head, queue, head, ... }, or fenced (another owner).
-- The head of a queue that is no list is ''.
local p = KEYS[1] .. ':'
if redis.call('GET', p .. 'owner') ~= ARGV[1] then return 'fenced' end
local lane = p .. 'lane:' .. ARGV[2]
local limit = tonumber(ARGV[4])
local held = {}
for i = 5, #ARGV do held[ARGV[i]] = true end
local notes = redis.call('HGETALL', p .. 'held')
if #notes > 0 then
  local now = redis.call('TIME')[1] * 1000
  for i = 1, #notes, 2 do
    local till = tonumber(string.match(notes[i + 1], '^%d+'))
    -- A note from further ahead than notes are made for was written before Redis' clock was set back.
    if till >= now and till <= now + 61000 then
      held[notes[i]] = true
      limit = limit + 1
    end
  end
end
local result = { '' }
for _, queue in ipairs(redis.call('ZRANGEBYSCORE', lane, '-inf', ARGV[3], 'LIMIT', 0, limit)) do
  if not held[queue] then
    local head = redis.pcall('LINDEX', p .. 'outbox:' .. queue, 0)
    if head then
      result[#result + 1] = queue
      result[#result + 1] = type(head) == 'table' and '' or head
    end
  end
end
local later = redis.call('ZRANGEBYSCORE', lane, '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if later[2] then result[1] = later[2] end
return result
