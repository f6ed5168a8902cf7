#!lua flags=allow-oom
-- Ends effects at the heads of their queues, and tells the inbox what came of them: results, people who cannot be reached.
-- KEYS[1] {p:s}
-- ARGV[1] owner token; ARGV[2] now, ms; then for each effect five arguments:
--   queue; the head as it was taken; what it tells the inbox, kind first ('' for nothing); dead letter, JSON ('' for none);
--   '1' drops the whole queue (the chat cannot be reached)
-- Returns for each effect two values: ok | fenced | gone, and the next head or ''
local p = KEYS[1] .. ':'
local isOwner = redis.call('GET', p .. 'owner') == ARGV[1]

local function settle(queue, taken, told, dead, dropsAll)
  if not isOwner then return 'fenced', '' end
  local list = p .. 'outbox:' .. queue
  -- Most queues hold one effect: look at what is left in the same reading.
  local rest = redis.call('LRANGE', list, 0, 31)
  if rest[1] ~= taken then return 'gone', '' end
  if told ~= '' then redis.call('XADD', p .. 'inbox', '*', string.sub(told, 1, 1), string.sub(told, 2)) end
  if dead ~= '' then redis.call('XADD', p .. 'dead', '*', 'd', dead) end
  if dropsAll == '1' then
    redis.call('DECRBY', p .. 'stats:outbox', redis.call('LLEN', list))
    redis.call('DEL', list)
    rest = { taken }
  else
    redis.call('DECRBY', p .. 'stats:outbox', 1)
    redis.call('LPOP', list)
  end
  -- The lane of what is left; the first 32 are enough to place a queue.
  local best = 9
  for i = 2, #rest do
    local lane = tonumber(string.sub(rest[i], 1, 1))
    if lane < best then best = lane end
  end
  for lane = 0, 3 do
    if lane ~= best then redis.call('ZREM', p .. 'lane:' .. lane, queue) end
  end
  if best < 9 then redis.call('ZADD', p .. 'lane:' .. best, ARGV[2], queue) end
  return 'ok', rest[2] or ''
end

local results = {}
for at = 3, #ARGV, 5 do
  local code, head = settle(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
  results[#results + 1] = code
  results[#results + 1] = head
end
return results
