#!lua flags=allow-oom
-- Ends effects at the heads of their queues, and tells the inbox what came of them: results, people who cannot be reached.
-- One that Redis refuses does not take the others along.
-- KEYS[1] {p:s}
-- ARGV[1] owner token; ARGV[2] now, ms; then for each effect seven arguments:
--   queue; the lane that the queue was taken from; how the head begins that was taken, its id included; token of the hold
--   on the queue ('' for none); what it tells the inbox, `<field> <text>` ('' for nothing); dead letter, JSON ('' for none);
--   '1' drops the whole queue (the chat cannot be reached)
-- Returns for each effect three values: ok | fenced | gone | error <what Redis says>; the next head or ''; its queue's lane
local p = KEYS[1] .. ':'
local isOwner = redis.call('GET', p .. 'owner') == ARGV[1]
local notes = p .. 'held'
local outbox = 0
local anyHeld = redis.call('EXISTS', notes) == 1

local function isHeldBy(queue, token)
  local till, holder = string.match(redis.call('HGET', notes, queue) or '', '^(%d+):(.*)$')
  return holder == token and tonumber(till) >= redis.call('TIME')[1] * 1000
end

-- What is no effect has no lane of its own.
local function laneOf(text)
  local lane = tonumber(string.sub(text, 1, 1))
  return (lane and lane < 4) and lane or 1
end

local function check(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then error('WRONGTYPE ' .. key .. ' is a ' .. found, 0) end
end

local function settle(queue, taken, head, hold, told, dead, dropsAll)
  if not isOwner and not (anyHeld and hold ~= '' and isHeldBy(queue, hold)) then
    return hold == '' and 'fenced' or 'gone', '', taken
  end
  local list = p .. 'outbox:' .. queue
  -- Most queues hold one effect: look at what is left in the same reading.
  local rest = redis.call('LRANGE', list, 0, 31)
  if string.sub(rest[1] or '', 1, #head) ~= head or head == '' then return 'gone', '', taken end
  if told ~= '' then check(p .. 'inbox', 'stream') end
  if dead ~= '' then check(p .. 'dead', 'stream') end

  -- The lane of what is left; the first 32 are enough to place a queue.
  local best = 9
  if dropsAll ~= '1' then
    for i = 2, #rest do best = math.min(best, laneOf(rest[i])) end
  end
  -- The queue stands where it was taken from, or where a better effect that came since has put it: in the best lane of
  -- what is left, unless that effect is out of sight.
  local isLong = #rest == 32 or dropsAll == '1'
  if best < 9 and (isOwner or best ~= tonumber(taken)) then
    redis.call('ZADD', p .. 'lane:' .. best, ARGV[2], queue)
  end
  for lane = 0, 3 do
    if lane ~= best and (isLong or lane == tonumber(taken)) then
      redis.call('ZREM', p .. 'lane:' .. lane, queue)
    end
  end
  if told ~= '' then
    local space = string.find(told, ' ', 1, true)
    redis.call('XADD', p .. 'inbox', '*', string.sub(told, 1, space - 1), string.sub(told, space + 1))
  end
  if dead ~= '' then redis.call('XADD', p .. 'dead', '*', 'd', dead) end
  if dropsAll == '1' then
    outbox = outbox - redis.call('LLEN', list)
    redis.call('DEL', list)
  else
    outbox = outbox - 1
    redis.call('LPOP', list)
  end
  if anyHeld then redis.call('HDEL', notes, queue) end
  return 'ok', best < 9 and rest[2] or '', tostring(best)
end

local results = {}
for at = 3, #ARGV, 7 do
  local done, code, head, lane = pcall(settle, unpack(ARGV, at, at + 6))
  if not done then
    code, head, lane = 'error ' .. (type(code) == 'table' and code.err or tostring(code)), '', ''
  end
  results[#results + 1] = code
  results[#results + 1] = head
  results[#results + 1] = lane
end
if outbox ~= 0 then redis.pcall('INCRBY', p .. 'stats:outbox', outbox) end
return results
